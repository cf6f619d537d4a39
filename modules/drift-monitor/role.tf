data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LetLambdaAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "monitor" {
  statement {
    sid     = "AskWhatIsLive"
    actions = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"]
    resources = [
      var.endpoint_arn,
      "${local.sagemaker}:endpoint-config/${local.endpoint_name}-*",
      "${local.sagemaker}:model/${local.endpoint_name}-*",
    ]
  }

  statement {
    sid     = "ReadRequestsLabelsAndBaselines"
    actions = ["s3:GetObject"]
    resources = concat(
      ["${local.bucket_arn}/capture/${var.endpoint}/*", "${local.bucket_arn}/feedback/${var.endpoint}/*"],
      [for model in sort(var.models) : "${local.bucket_arn}/releases/${model}/*/baseline.json"],
    )
  }

  # To who may not list it, S3 answers 403 for an absent key, and a release may have no baseline.
  statement {
    sid       = "ListThem"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values = concat(
        ["capture/${var.endpoint}/*", "feedback/${var.endpoint}/*"],
        [for model in sort(var.models) : "releases/${model}/*/baseline.json"],
      )
    }
  }

  statement {
    sid       = "WriteReports"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/monitoring/${var.endpoint}/*"]
  }

  # By alias, as the execution role: the key's ARN is not part of any name.
  statement {
    sid       = "UseArtifactKeyThroughS3"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["arn:${local.arn[1]}:kms:${local.arn[3]}:${local.arn[4]}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.arn[3]}.amazonaws.com"]
    }

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [var.artifact_store.key_alias]
    }
  }

  statement {
    sid       = "PublishDrift"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # the action knows no resource: the namespace bounds it

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Slipway/Monitoring"]
    }
  }

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_group_arn}:log-stream:*"]
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "What the function ${var.name} may do: read what ${local.endpoint_name} was asked, and report drift."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
}

resource "aws_iam_role_policy" "monitor" {
  name   = "monitor"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.monitor.json
}
