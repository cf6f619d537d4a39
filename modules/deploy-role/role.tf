data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LetOperatorsAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = length(var.operator_arns) > 0 ? sort(var.operator_arns) : ["${local.iam}:root"]
    }

    dynamic "condition" {
      for_each = var.organization_id[*]

      content {
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [condition.value]
      }
    }
  }

  dynamic "statement" {
    for_each = var.identity_providers

    content {
      sid     = "LetPipelinesOf${replace(title(statement.key), "/[^A-Za-z0-9]/", "")}Assume"
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [statement.value.arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${statement.value.host}:aud"
        values   = [statement.value.audience]
      }

      condition {
        test     = "StringLike"
        variable = "${statement.value.host}:sub"
        values   = sort(statement.value.subjects)
      }
    }
  }
}

# All inline policies of a role together may have 10240 characters, and the foundation's have most of them: what makes the
# queue is a policy of its own, which counts apart. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
data "aws_iam_policy_document" "queue" {
  dynamic "statement" {
    for_each = { for sid, statement in local.make_queue : sid => statement if length(statement.resources) > 0 }

    content {
      sid       = statement.key
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

data "aws_iam_policy_document" "permissions" {
  dynamic "statement" {
    for_each = local.statements

    content {
      sid       = statement.key
      effect    = try(statement.value.effect, "Allow")
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

resource "aws_iam_role" "this" {
  name                 = local.name
  description          = "${var.access}, for people and pipelines of ${var.project} ${var.environment}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = local.session_seconds[var.access]
  permissions_boundary = var.boundary_arn

  lifecycle {
    precondition {
      condition     = length(local.name) <= 64
      error_message = "The role name ${local.name} has ${length(local.name)} characters; IAM takes 64. Shorten project or environment."
    }

    precondition {
      condition     = var.access != "train" || var.queue_boundary_arn != null
      error_message = "The role ${local.name} is for the training queue, and without queue_boundary_arn there is none. Give it, or leave the role out."
    }

    precondition {
      condition     = !local.needs_names || length(var.operator_arns) > 0
      error_message = "The role ${local.name} is for named people only. Give operator_arns, or leave the role out."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = var.access
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.permissions.json

  lifecycle {
    precondition {
      condition     = length(data.aws_iam_policy_document.permissions.minified_json) <= 10240
      error_message = "The policy of ${local.name} has more than the 10240 characters that IAM takes for a role's inline policies."
    }
  }
}

resource "aws_iam_policy" "queue" {
  for_each = local.queue_makers

  name        = "${local.name}-queue"
  description = "What ${local.name} may do to make the training queue ${each.key}"
  policy      = data.aws_iam_policy_document.queue.json

  lifecycle {
    precondition {
      condition     = length(data.aws_iam_policy_document.queue.minified_json) <= 6144
      error_message = "The policy ${local.name}-queue has more than the 6144 characters that IAM takes for a managed policy."
    }
  }
}

# The ARN is made from names, so that a plan says what it attaches.
resource "aws_iam_role_policy_attachment" "queue" {
  for_each = local.queue_makers

  role       = aws_iam_role.this.name
  policy_arn = "${local.iam}:policy/${local.name}-queue"

  depends_on = [aws_iam_policy.queue]
}
