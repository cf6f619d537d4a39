module "artifact_store" {
  source = "../../modules/artifact-store"

  name       = "${local.prefix}-artifacts-${local.env.account_id}"
  account_id = local.env.account_id
  region     = local.env.region
  key_alias  = "${local.prefix}-artifacts"

  immutable_prefixes = ["release-index/", "releases/"]
  readable_prefixes  = ["evidence/", "releases/"] # the next environment takes a release, and the proof that it did well here

  reader_role_arns = [
    for name, environment in local.env.promotes_to : "arn:aws:iam::${environment.account_id}:role/${local.env.project}-${name}-promote"
  ]

  retention = {
    noncurrent_days = local.env.retention.noncurrent_days
    capture_days    = local.env.retention.capture_days
    training_days   = local.env.retention.training_days
  }
}
