output "arn" {
  description = "The bucket's ARN; known at plan time."
  value       = module.bucket.arn
}

output "key_alias" {
  description = "Alias of the store's key, with the leading alias/; known at plan time."
  value       = module.bucket.key_alias
}

output "key_arn" {
  description = "ARN of the store's key; KMS gives it, so the first plan does not know it."
  value       = module.bucket.key_arn
}

output "name" {
  description = "The bucket's name, when all that protects it is in place."
  value       = module.bucket.name
}
