output "repository_arns" {
  description = "ARN of each repository, by name below the prefix; known at plan time."
  value       = local.repository_arns
}

output "repository_urls" {
  description = "URL of each repository without tag or digest, by name below the prefix."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }

  depends_on = [aws_ecr_registry_policy.this, aws_ecr_replication_configuration.this]
}
