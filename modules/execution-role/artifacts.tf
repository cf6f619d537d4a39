data "aws_iam_policy_document" "artifacts" {
  statement {
    sid       = "ReadArtifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [for prefix in local.readable_prefixes : "${local.bucket_arn}/${prefix}*"]
  }

  statement {
    sid       = "ListArtifacts"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in local.readable_prefixes : "${prefix}*"]
    }
  }

  statement {
    sid       = "WriteOutputs"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [for prefix in local.writable_prefixes : "${local.bucket_arn}/${prefix}*"]
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-prerequisites.html
  statement {
    sid       = "ReadAsynchronousRequests"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/async/*"]
  }

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [local.bucket_arn]
  }

  # By alias, because a key's ARN is not known in the plan that makes it, and a policy must be readable in its plan.
  # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
  statement {
    sid       = "UseArtifactKeyThroughS3"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["arn:aws:kms:${local.here}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [var.artifact_store.key_alias]
    }
  }

  dynamic "statement" {
    for_each = local.training_inputs

    content {
      sid       = "Read${replace(title(statement.key), "/[^A-Za-z0-9]/", "")}Input"
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::${statement.value.bucket}/${statement.value.prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = local.training_inputs

    content {
      sid       = "List${replace(title(statement.key), "/[^A-Za-z0-9]/", "")}Input"
      actions   = ["s3:ListBucket"]
      resources = ["arn:aws:s3:::${statement.value.bucket}"]

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = ["${statement.value.prefix}*"]
      }
    }
  }
}
