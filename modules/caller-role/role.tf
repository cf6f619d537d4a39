data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LetNamedPrincipalsAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.principal_arns
    }

    dynamic "condition" {
      for_each = var.external_id == null ? var.organization_id[*] : []

      content {
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [condition.value]
      }
    }

    # For third parties, who act for many customers and could be made to act for another one in our name.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    dynamic "condition" {
      for_each = var.external_id[*]

      content {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [condition.value]
      }
    }
  }
}

data "aws_iam_policy_document" "invoke" {
  statement {
    sid       = "InvokeListedEndpoints"
    actions   = ["sagemaker:InvokeEndpoint"]
    resources = var.endpoint_arns
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Lets callers from outside invoke ${local.tags.endpoints}, and nothing else."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
  max_session_duration = 3600
  tags                 = local.tags
}

resource "aws_iam_role_policy" "invoke" {
  name   = "invoke"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.invoke.json
}
