output "role_arns" {
  description = "ARN of each role for people and pipelines, by what it is for."
  value       = { for access, role in module.deploy_role : access => role.arn }
}

output "state_bucket" {
  description = "The bucket that holds the Terraform states of this environment."
  value       = module.state_store.name
}

output "workload_boundary_arn" {
  description = "The boundary that every role made by a deployment must carry."
  value       = module.role_boundary["workload"].arn
}
