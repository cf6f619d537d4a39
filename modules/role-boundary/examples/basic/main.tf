module "workload_boundary" {
  source = "../.."

  bounds          = "workload"
  project         = "slipway"
  environment     = "stage"
  account_id      = "222222222222"
  region          = "eu-west-1"
  artifact_bucket = "slipway-stage-artifacts-222222222222"
}

module "deployment_boundary" {
  source = "../.."

  bounds          = "deployment"
  project         = "slipway"
  environment     = "stage"
  account_id      = "222222222222"
  region          = "eu-west-1"
  artifact_bucket = "slipway-stage-artifacts-222222222222"
}
