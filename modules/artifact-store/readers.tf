data "aws_iam_policy_document" "readers" {
  dynamic "statement" {
    for_each = local.readers

    content {
      sid = "AllowReadersToRead"
      actions = [
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
      ]
      resources = local.readable_objects

      principals {
        type        = "AWS"
        identifiers = sort(statement.value)
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
  }

  # Readers find out what is there by listing below a prefix. S3 answers 404 for an absent key only to who may list, and
  # whether a condition on the prefix counts as that is not documented.
  dynamic "statement" {
    for_each = local.readers

    content {
      sid       = "AllowReadersToList"
      actions   = ["s3:ListBucket"]
      resources = [local.arn]

      principals {
        type        = "AWS"
        identifiers = sort(statement.value)
      }

      dynamic "condition" {
        for_each = var.organization_id[*]

        content {
          test     = "StringEquals"
          variable = "aws:PrincipalOrgID"
          values   = [condition.value]
        }
      }

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [for prefix in sort(var.readable_prefixes) : "${prefix}*"]
      }
    }
  }
}

data "aws_iam_policy_document" "readers_key" {
  dynamic "statement" {
    for_each = local.readers

    content {
      sid       = "AllowReadersToDecryptThroughS3"
      actions   = ["kms:Decrypt"]
      resources = ["*"] # in a key policy this is the key itself

      principals {
        type        = "AWS"
        identifiers = sort(statement.value)
      }

      dynamic "condition" {
        for_each = var.organization_id[*]

        content {
          test     = "StringEquals"
          variable = "aws:PrincipalOrgID"
          values   = [condition.value]
        }
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.region}.amazonaws.com"]
      }
    }
  }
}
