module "artifact_store" {
  source = "../.."

  name       = "slipway-stage-artifacts-222222222222"
  account_id = "222222222222"
  region     = "eu-west-1"

  reader_role_arns = ["arn:aws:iam::333333333333:role/slipway-public-promote"]
}
