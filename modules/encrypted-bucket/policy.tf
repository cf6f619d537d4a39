locals {
  objects = "${local.arn}/*"

  # The condition key of a header is absent in UploadPart and UploadPartCopy, which send none. Plain StringNotEquals is
  # true for an absent key and would refuse every part: hence IfExists.
  encryption_denials = merge(
    {
      DenyOtherEncryption = {
        test     = "StringNotEqualsIfExists"
        variable = "s3:x-amz-server-side-encryption"
        values   = ["aws:kms"]
      }
      DenyCustomerProvidedKeys = {
        test     = "Null"
        variable = "s3:x-amz-server-side-encryption-customer-algorithm"
        values   = ["false"]
      }
    },
    var.named_keys == "any" ? {} : {
      DenyOtherKeys = {
        test     = "StringNotEqualsIfExists"
        variable = "s3:x-amz-server-side-encryption-aws-kms-key-id"
        values   = [aws_kms_key.this.arn]
      }
    },
  )
}

data "aws_iam_policy_document" "bucket" {
  source_policy_documents = var.policy_documents

  statement {
    sid       = "DenyPlainText"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.arn, local.objects]

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
    for_each = local.encryption_denials

    content {
      sid       = statement.key
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = [local.objects]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = statement.value.test
        variable = statement.value.variable
        values   = statement.value.values
      }
    }
  }

  # aws:kms without a key id is not the bucket's default: S3 takes the AWS managed key, which other accounts cannot read.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
  statement {
    sid       = "DenyManagedKey"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = [local.objects]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "s3:x-amz-server-side-encryption"
      values   = ["aws:kms"]
    }

    condition {
      test     = "Null"
      variable = "s3:x-amz-server-side-encryption-aws-kms-key-id"
      values   = ["true"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  # S3 refuses a policy that it takes for public while the block is being made.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
