module "state_store" {
  source = "../../modules/state-store"

  name       = "${local.prefix}-tfstate-${local.env.account_id}"
  account_id = local.env.account_id
  key_alias  = "${local.prefix}-tfstate"
}
