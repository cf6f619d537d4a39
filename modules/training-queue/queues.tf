locals {
  # Seconds that a message stays hidden from others: six times its function's, as AWS advises.
  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  live_queues = {
    events   = 6 * local.functions.monitor.timeout_s
    releases = 6 * local.functions.release.timeout_s
  }
  dead_queues = { # by name, with the queue that may send its failed messages there
    events_dead   = "events"
    releases_dead = "releases"
    failures      = null # what Lambda and the scheduler gave up
  }
  queues = toset(concat(keys(local.live_queues), keys(local.dead_queues)))
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queues

  statement {
    sid       = "DenyPlainText"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.queue_arn[each.key]]

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
    for_each = each.key == "events" ? [local.rule_arn] : []

    content {
      sid       = "LetTheRuleSend"
      actions   = ["sqs:SendMessage"]
      resources = [local.queue_arn[each.key]]

      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.account_id]
      }
    }
  }
}

# Policy and redrive stand inside: as resources of their own each would cost the provider another 25 s.
resource "aws_sqs_queue" "dead" {
  for_each = local.dead_queues

  name                      = "${local.name}-${replace(each.key, "_", "-")}"
  message_retention_seconds = 14 * 24 * 3600 # as long as SQS keeps any
  sqs_managed_sse_enabled   = true
  policy                    = data.aws_iam_policy_document.queue[each.key].json

  redrive_allow_policy = each.value == null ? null : jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn[each.value]]
  })
}

resource "aws_sqs_queue" "live" {
  for_each = local.live_queues

  name                       = "${local.name}-${each.key}"
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = each.value
  sqs_managed_sse_enabled    = true
  policy                     = data.aws_iam_policy_document.queue[each.key].json

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead["${each.key}_dead"].arn
    maxReceiveCount     = 5
  })
}
