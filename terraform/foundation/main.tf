# What an account's models share and what changes seldom. Order: all bootstraps first, because the store's policy names the
# promote roles that they make.
locals {
  env    = var.environment
  prefix = "${local.env.project}-${local.env.name}"

  workload_boundary_arn = "arn:aws:iam::${local.env.account_id}:policy/${local.prefix}-workload"
}
