module "evidence_key" {
  source = "../../modules/evidence-key"

  alias           = "${local.prefix}-evidence"
  account_id      = local.env.account_id
  signer_role_arn = "arn:aws:iam::${local.env.account_id}:role/${local.prefix}-promote"

  verifier_role_arns = local.downstream_role_arns
  organization_id    = local.env.organization_id
}
