# Drift over the last day, judged every hour; nobody is told yet. `make build` makes the package.
variable "package_path" {
  description = "Path of build/functions/drift-monitor.zip."
  type        = string
}

module "monitor" {
  source = "../.."

  name           = "slipway-qa-ranker-monitor"
  endpoint       = "ranker"
  endpoint_arn   = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker"
  artifact_store = { bucket = "slipway-qa-artifacts-222222222222", key_alias = "alias/slipway-qa-artifacts" }
  models         = ["ranker"]
  package_path   = var.package_path
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = module.monitor.alarm_names
}
