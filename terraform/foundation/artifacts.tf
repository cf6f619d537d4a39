module "artifact_store" {
  source = "../../modules/artifact-store"

  name       = "${local.prefix}-artifacts-${local.env.account_id}"
  account_id = local.env.account_id
  region     = local.env.region
  key_alias  = "${local.prefix}-artifacts"

  immutable_prefixes = ["release-index/", "releases/"]
  readable_prefixes  = ["releases/"] # what the next environment takes; the index beside it is for this account alone

  reader_role_arns = [
    for name, environment in local.env.promotes_to : "arn:aws:iam::${environment.account_id}:role/${local.env.project}-${name}-promote"
  ]

  organization_id = local.env.organization_id

  retention = {
    noncurrent_days = local.env.retention.noncurrent_days
    capture_days    = local.env.retention.capture_days
    training_days   = local.env.retention.training_days
  }
}
