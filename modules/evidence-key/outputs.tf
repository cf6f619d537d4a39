output "alias" {
  description = "The key's alias, with the leading alias/; known at plan time."
  value       = "alias/${var.alias}"

  depends_on = [aws_kms_alias.this]
}

output "arn" {
  description = "The key's ARN; KMS gives it, so the first plan does not know it."
  value       = aws_kms_key.this.arn
}
