output "artifact_bucket" {
  description = "The artifact store's bucket."
  value       = module.artifact_store.name
}

output "parameter" {
  description = "The parameter that terraform/serving and the glue read."
  value       = aws_ssm_parameter.foundation.name
}

output "repository_urls" {
  description = "URL of each model's image repository, without tag or digest."
  value       = module.image_registry.repository_urls
}

output "training_queue" {
  description = "The training queue: name, table, address of submit, topic and queues; null without one."
  value       = local.queue
}
