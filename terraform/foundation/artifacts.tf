locals {
  # Written once, so that nobody rewrites what was released, checked or done. Labels and data sets name releases' origins.
  immutable_prefixes = ["audit/", "break-glass/", "datasets/", "evidence/", "feedback/", "plans/", "release-index/", "releases/"]

  # A plan is believed because of the role that wrote it there (docs/decisions/0027): who only reads, and pull requests do, has a
  # place apart, and nobody who plans approves.
  plan_writers = {
    "plans/approvals/"         = "approve"
    "plans/deploy/foundation/" = "deploy-foundation"
    "plans/deploy/serving/"    = "deploy-serving"
    "plans/pull-requests/"     = "plan"
  }
  exclusive_writers = merge({ "break-glass/" = "break-glass" }, local.plan_writers)
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

  pruner_role_arns = ["arn:aws:iam::${local.env.account_id}:role/${local.prefix}-prune"]
  exclusive_writers = merge(
    { for prefix, role in local.exclusive_writers : prefix => "arn:aws:iam::${local.env.account_id}:role/${local.prefix}-${role}" },
    local.training_records,
  )

  organization_id = local.env.organization_id

  retention = {
    noncurrent_days = local.env.retention.noncurrent_days
    async_days      = local.env.retention.async_days
    capture_days    = local.env.retention.capture_days
    plan_days       = local.env.retention.plan_days
    training_days   = local.env.retention.training_days
  }
}
