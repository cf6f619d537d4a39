module "state_store" {
  source = "../.."

  name       = "slipway-stage-tfstate-222222222222"
  account_id = "222222222222"
  key_alias  = "slipway-stage-tfstate"
}
