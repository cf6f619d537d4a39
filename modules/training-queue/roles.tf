locals {
  # One table for each role, in permissions*.tf. A statement without resources does not apply, and is left out.
  permissions = {
    submit   = local.submit
    launch   = local.launch
    monitor  = local.monitor
    finish   = local.finish
    release  = local.release
    schedule = local.schedule
  }

  # By alias, as the execution role: the key's ARN is not part of any name.
  # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
  keys             = "arn:aws:kms:${local.here}:key/*"
  of_store_key     = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = [local.key_aliases.store] }
  of_table_key     = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = [local.key_aliases.table] }
  of_topic_key     = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = [local.key_aliases.topic] }
  through_dynamodb = { test = "StringEquals", variable = "kms:ViaService", values = ["dynamodb.${var.region}.amazonaws.com"] }
  through_s3       = { test = "StringEquals", variable = "kms:ViaService", values = ["s3.${var.region}.amazonaws.com"] }
  through_sns      = { test = "StringEquals", variable = "kms:ViaService", values = ["sns.${var.region}.amazonaws.com"] }

  of_this_queue  = { test = "StringEquals", variable = "aws:ResourceTag/slipway:queue", values = [local.name] }
  for_this_queue = { test = "StringEquals", variable = "aws:RequestTag/slipway:queue", values = [local.name] }
  to_sagemaker   = { test = "StringEquals", variable = "iam:PassedToService", values = ["sagemaker.amazonaws.com"] }
  own_metrics    = { test = "StringEquals", variable = "cloudwatch:namespace", values = ["Slipway/Training"] }
  pending        = { test = "StringEquals", variable = "sagemaker:ModelApprovalStatus", values = ["PendingManualApproval"] }
  # For all values of no value at all it would be true: the key must be there.
  of_named_types = { test = "ForAllValues:StringEquals", variable = "sagemaker:InstanceTypes", values = sort(keys(var.instance_types)) }
  types_are_said = { test = "Null", variable = "sagemaker:InstanceTypes", values = ["false"] }

  use_table_key = {
    UseTableKeyThroughDynamoDB = {
      actions    = ["kms:Decrypt"]
      resources  = [local.keys]
      conditions = [local.through_dynamodb, local.of_table_key]
    }
  }
  use_store_key = {
    UseStoreKeyThroughS3 = {
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [local.keys]
      conditions = [local.through_s3, local.of_store_key]
    }
  }
  tell = {
    TellOfJobs = {
      actions    = ["sns:Publish"]
      resources  = [local.topic_arn]
      conditions = []
    }
    UseTopicKeyThroughSns = {
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [local.keys]
      conditions = [local.through_sns, local.of_topic_key]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local.permissions

  statement {
    sid     = each.key == "schedule" ? "LetTheSchedulerAssume" : "LetLambdaAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.key == "schedule" ? "scheduler.amazonaws.com" : "lambda.amazonaws.com"]
    }

    # Only for schedules of this group: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    dynamic "condition" {
      for_each = each.key == "schedule" ? [1] : []

      content {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = ["arn:aws:scheduler:${local.here}:schedule-group/${local.name}"]
      }
    }

    dynamic "condition" {
      for_each = each.key == "schedule" ? [1] : []

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.account_id]
      }
    }
  }
}

data "aws_iam_policy_document" "this" {
  for_each = local.permissions

  dynamic "statement" {
    for_each = { for sid, statement in each.value : sid => statement if length(statement.resources) > 0 }

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

  dynamic "statement" {
    for_each = toset([for name, function in local.functions : name if function.role == each.key])

    content {
      sid       = "Write${title(statement.key)}Logs"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["arn:aws:logs:${local.here}:log-group:/aws/lambda/${local.name}-${statement.key}:log-stream:*"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.permissions

  name                 = "${local.name}-${each.key}"
  description          = each.key == "schedule" ? "What the schedules of ${local.name} may do: call its functions." : "What the function ${local.name}-${each.key} may do."
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = var.boundary_arn
}

resource "aws_iam_role_policy" "this" {
  for_each = local.permissions

  name   = each.key
  role   = aws_iam_role.this[each.key].name
  policy = data.aws_iam_policy_document.this[each.key].json
}
