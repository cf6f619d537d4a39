# Jobs of one model on one instance type; nobody is told yet. `make build` makes the package.
variable "package_path" {
  description = "Path of build/functions/training-queue.zip."
  type        = string
}

module "training_queue" {
  source = "../.."

  project     = "slipway"
  environment = "stage"
  account_id  = "222222222222"
  region      = "eu-west-1"

  artifact_store = {
    bucket    = "slipway-stage-artifacts-222222222222"
    key_alias = "alias/slipway-stage-artifacts"
    key_arn   = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
  }
  models         = { ranker = {} }
  instance_types = { "ml.m5.large" = { budget = 4 } }
  package        = { path = var.package_path }
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = module.training_queue.alarm_names
}
