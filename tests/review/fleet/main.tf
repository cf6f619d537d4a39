# Many endpoints in one state, as a team has them that calls the module with for_each.
variable "endpoints" {
  description = "What each endpoint serves."
  type        = any
}

provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["333333333333"]
}

module "endpoint" {
  source   = "../modules/model-endpoint"
  for_each = var.endpoints

  name      = "slipway-production-${each.key}"
  region    = "eu-west-1"
  live      = each.value.live
  revisions = each.value.revisions
  alarms    = { errors_5xx = { threshold_percent = 1 } }

  autoscaling = {
    main = { min = 1, max = 3, invocations_per_instance = 20, scale_in_cooldown_s = 30, scale_out_cooldown_s = 30 }
  }
}
