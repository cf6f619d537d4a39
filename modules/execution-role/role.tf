data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LetSageMakerOfThisAccountAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "What containers of the model ${var.model} may do"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
}

resource "aws_iam_role_policy" "artifacts" {
  name   = "artifacts"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.artifacts.json
}

resource "aws_iam_role_policy" "runtime" {
  name   = "runtime"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.runtime.json
}

resource "aws_iam_role_policy" "network" {
  for_each = local.network

  name   = "network"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.network.json
}
