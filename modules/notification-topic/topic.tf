data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "AllowServicesToPublish"
    actions   = ["sns:Publish"]
    resources = [local.arn]

    principals {
      type        = "Service"
      identifiers = sort(var.publisher_services)
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  statement {
    sid       = "DenyPlainText"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.arn]

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
}

resource "aws_sns_topic" "this" {
  name              = var.name
  kms_master_key_id = aws_kms_alias.this.name
  policy            = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "this" {
  for_each = var.subscribers

  topic_arn     = aws_sns_topic.this.arn
  protocol      = each.value.protocol
  endpoint      = each.value.endpoint
  filter_policy = length(each.value.filter) == 0 ? null : jsonencode({ for attribute, values in each.value.filter : attribute => sort(values) })
}
