module "evidence_key" {
  source = "../.."

  alias           = "slipway-stage-evidence"
  account_id      = "222222222222"
  signer_role_arn = "arn:aws:iam::222222222222:role/slipway-stage-promote"

  verifier_role_arns = ["arn:aws:iam::333333333333:role/slipway-live-promote"]
}
