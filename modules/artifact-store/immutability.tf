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

  statement {
    sid       = "DenyDeleting"
    effect    = "Deny"
    actions   = ["s3:DeleteObject"]
    resources = local.immutable_objects

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    dynamic "condition" {
      for_each = local.pruners

      content {
        test     = "ArnNotEquals"
        variable = "aws:PrincipalArn"
        values   = sort(condition.value)
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
