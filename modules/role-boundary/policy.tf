data "aws_iam_policy_document" "this" {
  dynamic "statement" {
    for_each = local.permissions[var.bounds]

    content {
      sid       = statement.key
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_policy" "this" {
  name        = "${local.prefix}-${var.bounds}"
  description = "Permissions boundary: the most that a ${var.bounds} role can ever do"
  policy      = data.aws_iam_policy_document.this.json

  lifecycle {
    precondition {
      condition     = length(data.aws_iam_policy_document.this.minified_json) <= 6144
      error_message = "The boundary ${local.prefix}-${var.bounds} has ${length(data.aws_iam_policy_document.this.minified_json)} characters; IAM takes 6144 for a managed policy."
    }
  }
}
