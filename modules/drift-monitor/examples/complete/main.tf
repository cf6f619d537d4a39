# Every quarter of an hour over the last two; labels of a week; no alarm on unknown features; people are told.
variable "package_path" {
  description = "Path of build/functions/drift-monitor.zip."
  type        = string
}

module "monitor" {
  source = "../.."

  name           = "slipway-production-ranker-monitor"
  endpoint       = "ranker"
  endpoint_arn   = "arn:aws:sagemaker:eu-west-1:333333333333:endpoint/slipway-production-ranker"
  artifact_store = { bucket = "slipway-production-artifacts-333333333333", key_alias = "alias/slipway-production-artifacts" }
  models         = ["ranker", "ranker-small"]
  package_path   = var.package_path
  boundary_arn   = "arn:aws:iam::333333333333:policy/slipway-production-workload"

  every_minutes = 15
  alarms        = ["drift", "quality"]
  drift         = { window_minutes = 120, smallest_rows = 2000, max_psi = 0.2 }
  labels        = { window_minutes = 10080, smallest = 500, max_drop = 0.03 }

  key_arn                 = "arn:aws:kms:eu-west-1:333333333333:key/11111111-2222-3333-4444-555555555555"
  log_retention_days      = 365
  memory_mb               = 1024
  most_requests           = 500000
  notification_topic_arns = ["arn:aws:sns:eu-west-1:333333333333:slipway-production-notifications"]
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = module.monitor.alarm_names
}
