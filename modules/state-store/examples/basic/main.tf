module "state_store" {
  source = "../.."

  name       = "slipway-qa-tfstate-222222222222"
  account_id = "222222222222"
  key_alias  = "slipway-qa-tfstate"
}
