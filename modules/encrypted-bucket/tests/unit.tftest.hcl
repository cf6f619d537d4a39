# The real provider, offline: it computes policy documents itself, and a plan that creates asks AWS nothing.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

override_resource {
  target          = aws_kms_key.this
  override_during = plan
  values = {
    arn    = "arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-4000-8000-000000000001"
    key_id = "00000000-0000-4000-8000-000000000001"
  }
}

variables {
  name       = "example-records-111111111111"
  account_id = "111111111111"
}

run "protects_by_default" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "the bucket must be versioned"
  }
  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "the bucket's owner must own every object"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "all four public access blocks must be on"
  }
  assert {
    condition = one([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : rule.bucket_key_enabled
      && one(rule.apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
      && one(rule.apply_server_side_encryption_by_default).kms_master_key_id == aws_kms_key.this.arn
    ])
    error_message = "the default encryption must be the bucket's own key, with a bucket key"
  }
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "the key must rotate, and be lost 30 days after a deletion at the earliest"
  }
  assert {
    condition     = aws_kms_alias.this.name == "alias/example-records-111111111111"
    error_message = "without an alias the key is named as the bucket"
  }
  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0 && length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "neither access log nor life-cycle was asked for"
  }
}

run "denies_plain_text_and_other_encryption" {
  command = plan

  assert {
    condition = sort([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Sid if s.Effect == "Deny"]) == sort([
      "DenyCustomerProvidedKeys", "DenyManagedKey", "DenyOtherEncryption", "DenyOtherKeys", "DenyPlainText",
    ])
    error_message = "the bucket policy must deny plain text, other encryption, other keys, the managed key and customer-provided keys"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Condition if s.Sid == "DenyOtherKeys"
      ]) == {
      Null          = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
      StringNotLike = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "arn:aws:kms:*:111111111111:*" }
    }
    error_message = "keys of other accounts must be denied only where a key is named: parts of an upload name none"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Condition if s.Sid == "DenyOtherEncryption"
      ]) == {
      Null            = { "s3:x-amz-server-side-encryption" = "false" }
      StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
    }
    error_message = "other encryption must be denied only where one is named: parts of an upload name none"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : sort(s.Resource) if s.Sid == "DenyPlainText"
    ]) == sort(["arn:aws:s3:::example-records-111111111111", "arn:aws:s3:::example-records-111111111111/*"])
    error_message = "plain text must be denied for the bucket and for all in it"
  }
}

run "takes_every_option" {
  command = plan

  variables {
    access_log = { bucket = "example-logs-111111111111", prefix = "records/" }
    key = {
      alias                = "records"
      deletion_window_days = 7
      policy_documents = [jsonencode({
        Version   = "2012-10-17"
        Statement = [{ Sid = "Extra", Effect = "Allow", Action = "kms:Decrypt", Resource = "*", Principal = { AWS = "arn:aws:iam::222222222222:role/reader" } }]
      })]
    }
    policy_documents = [jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Sid = "Extra", Effect = "Deny", Action = "s3:DeleteObject", Resource = "arn:aws:s3:::example-records-111111111111/*", Principal = "*" }]
    })]
    lifecycle_rules = {
      all     = { noncurrent_days = 30, aborted_upload_days = 7, clean_delete_markers = true }
      scratch = { prefix = "scratch/", expiration_days = 5 }
    }
  }

  assert {
    condition     = one(values(aws_s3_bucket_logging.this)).target_prefix == "records/"
    error_message = "the access log must go where it was asked to"
  }
  assert {
    condition     = aws_kms_alias.this.name == "alias/records" && aws_kms_key.this.deletion_window_in_days == 7
    error_message = "alias and deletion window must be taken"
  }
  assert {
    condition     = sort(jsondecode(aws_kms_key.this.policy).Statement[*].Sid) == sort(["Extra", "LetAccountIamDecide"])
    error_message = "statements added to the key policy must be there, beside the account's"
  }
  assert {
    condition     = contains(jsondecode(aws_s3_bucket_policy.this.policy).Statement[*].Sid, "Extra")
    error_message = "statements added to the bucket policy must be there"
  }
  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id => one(rule.expiration[*].days)
      if one(rule.expiration[*].days) != null && one(rule.expiration[*].days) != 0
    } == { scratch = 5 }
    error_message = "only scratch may expire current objects"
  }
  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      [one(rule.noncurrent_version_expiration).noncurrent_days, one(rule.abort_incomplete_multipart_upload).days_after_initiation, one(rule.expiration).expired_object_delete_marker]
      if rule.id == "all"
    ]) == [30, 7, true]
    error_message = "old versions, unfinished uploads and lone delete markers must go"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}
