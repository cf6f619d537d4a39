module "promote_role" {
  source = "../.."

  access      = "promote"
  project     = "slipway"
  environment = "stage"
  account_id  = "222222222222"
  region      = "eu-west-1"

  promotes_from         = { name = "lab", account_id = "111111111111", region = "eu-west-1" }
  boundary_arn          = "arn:aws:iam::222222222222:policy/slipway-stage-deployment"
  workload_boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-workload"
}
