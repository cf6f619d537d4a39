data "aws_iam_policy_document" "immutability" {
  # An object is created by PutObject, CopyObject or CompleteMultipartUpload, and only where none is yet. Starting an upload
  # and sending its parts carry no such header and create no object.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
  statement {
    sid       = "DenyOverwriting"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = local.immutable_objects

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }

    condition {
      test     = "Bool"
      variable = "s3:ObjectCreationOperation"
      values   = ["true"]
    }
  }

  # What is a record of what happened is deleted by nobody; of what can be pruned, the pruners alone leave delete markers.
  dynamic "statement" {
    for_each = length(local.kept_objects) == 0 ? [] : [local.kept_objects]

    content {
      sid       = "DenyDeleting"
      effect    = "Deny"
      actions   = ["s3:DeleteObject"]
      resources = statement.value

      principals {
        type        = "*"
        identifiers = ["*"]
      }
    }
  }

  dynamic "statement" {
    for_each = local.pruners

    content {
      sid       = "DenyDeletingToOthers"
      effect    = "Deny"
      actions   = ["s3:DeleteObject"]
      resources = local.prunable_objects

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "ArnNotEquals"
        variable = "aws:PrincipalArn"
        values   = sort(statement.value)
      }
    }
  }

  statement {
    sid       = "DenyDeletingVersions"
    effect    = "Deny"
    actions   = ["s3:DeleteObjectVersion"]
    resources = local.immutable_objects

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
