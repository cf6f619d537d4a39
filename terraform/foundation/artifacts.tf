locals {
  # Written once, so that nobody rewrites what was released, checked or done. Labels and data sets name releases' origins.
  immutable_prefixes = ["audit/", "break-glass/", "datasets/", "evidence/", "feedback/", "release-index/", "releases/"]
}

module "artifact_store" {
  source = "../../modules/artifact-store"

  name       = "${local.prefix}-artifacts-${local.env.account_id}"
  account_id = local.env.account_id
  region     = local.env.region
  key_alias  = "${local.prefix}-artifacts"

  immutable_prefixes = concat(local.immutable_prefixes, keys(local.training_records))
  readable_prefixes  = ["evidence/", "releases/"] # what the next environment takes; all else is for this account alone
  reader_role_arns   = local.downstream_role_arns

  pruner_role_arns  = ["arn:aws:iam::${local.env.account_id}:role/${local.prefix}-prune"]
  exclusive_writers = merge({ "break-glass/" = "arn:aws:iam::${local.env.account_id}:role/${local.prefix}-break-glass" }, local.training_records)

  organization_id = local.env.organization_id

  retention = {
    noncurrent_days = local.env.retention.noncurrent_days
    async_days      = local.env.retention.async_days
    capture_days    = local.env.retention.capture_days
    training_days   = local.env.retention.training_days
  }
}
