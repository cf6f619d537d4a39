variable "name" {
  type = string
}

variable "versioning" {
  type = string
}

variable "blocked" {
  type = bool
}

variable "public_read" {
  type = bool
}

variable "force_destroy" {
  type = bool
}

data "aws_iam_policy_document" "insecure" {
  statement {
    sid       = "denyInsecureTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[0].arn, "${aws_s3_bucket.this[0].arn}/*"]

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

data "aws_iam_policy_document" "public" {
  count = var.public_read ? 1 : 0

  statement {
    sid       = "publicRead"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.this[0].arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

data "aws_iam_policy_document" "combined" {
  source_policy_documents = concat([data.aws_iam_policy_document.insecure.json], data.aws_iam_policy_document.public[*].json)
}

resource "aws_s3_bucket" "this" {
  count         = 1
  bucket        = var.name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "this" {
  count  = 1
  bucket = aws_s3_bucket.this[0].id

  versioning_configuration {
    status = var.versioning
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  count  = var.blocked ? 1 : 0
  bucket = aws_s3_bucket.this[0].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "this" {
  count  = 1
  bucket = aws_s3_bucket.this[0].id
  policy = data.aws_iam_policy_document.combined.json
}
