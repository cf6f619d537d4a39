output "arn" {
  description = "The bucket's ARN; known at plan time."
  value       = local.arn
}

output "key_alias" {
  description = "The key's alias, with the leading alias/; known at plan time."
  value       = aws_kms_alias.this.name
}

output "key_arn" {
  description = "The key's ARN; KMS gives it, so the first plan does not know it."
  value       = aws_kms_key.this.arn
}

output "lifecycle_rules" {
  description = "The life-cycle rules as given, with every default; known at plan time."
  value       = var.lifecycle_rules
}

output "name" {
  description = "The bucket's name, when all that protects it is in place."
  value       = aws_s3_bucket.this.id

  depends_on = [
    aws_s3_bucket_lifecycle_configuration.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}
