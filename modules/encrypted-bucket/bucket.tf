resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144: releases lie in every account of the chain, and states have their versions; a copy abroad is a decision of its own
  #checkov:skip=CKV2_AWS_62: nothing waits for objects here; a promotion is asked for, never set off by a file
  #checkov:skip=CKV_AWS_18: access_log says where to; which bucket takes logs is the account's affair
  bucket = var.name
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true # one KMS call for many objects: cost, and the request quota of KMS

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = var.access_log == null ? {} : { this = var.access_log }

  bucket        = aws_s3_bucket.this.id
  target_bucket = each.value.bucket
  target_prefix = each.value.prefix
}
