locals {
  objects = "${local.arn}/*"

  # The condition key of a header is absent in UploadPart and UploadPartCopy, which send none, and where the bucket's default
  # is meant. A negated operator is true for an absent key, with IfExists too: hence Null beside it.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
  encryption_denials = {
    DenyOtherEncryption = [
      { test = "StringNotEquals", variable = "s3:x-amz-server-side-encryption", values = ["aws:kms"] },
      { test = "Null", variable = "s3:x-amz-server-side-encryption", values = ["false"] },
    ]
    DenyCustomerProvidedKeys = [
      { test = "Null", variable = "s3:x-amz-server-side-encryption-customer-algorithm", values = ["false"] },
    ]
    DenyOtherKeys = [
      { test = "StringNotLike", variable = "s3:x-amz-server-side-encryption-aws-kms-key-id", values = local.nameable_keys },
      { test = "Null", variable = "s3:x-amz-server-side-encryption-aws-kms-key-id", values = ["false"] },
    ]
  }

  # Another account's key would take our data away from us. The bucket's own key is not named here: its ARN is not known in
  # the plan that makes it, and a policy must be readable in its plan. Who may write here may use this one key only.
  nameable_keys = ["arn:aws:kms:*:${var.account_id}:*"]
}

data "aws_iam_policy_document" "bucket" {
  source_policy_documents = var.policy_documents

  statement {
    sid       = "DenyPlainText"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.arn, local.objects]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = local.encryption_denials

    content {
      sid       = statement.key
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = [local.objects]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      dynamic "condition" {
        for_each = statement.value

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }

  # aws:kms without a key id is not the bucket's default: S3 takes the AWS managed key, which other accounts cannot read.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
  statement {
    sid       = "DenyManagedKey"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = [local.objects]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "s3:x-amz-server-side-encryption"
      values   = ["aws:kms"]
    }

    condition {
      test     = "Null"
      variable = "s3:x-amz-server-side-encryption-aws-kms-key-id"
      values   = ["true"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  # S3 refuses a policy that it takes for public while the block is being made.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
