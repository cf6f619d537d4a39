# What an account's models share and what changes seldom. Order: all bootstraps first, because the store's policy names the
# promote roles that they make.
locals {
  env    = var.environment
  prefix = "${local.env.project}-${local.env.name}"

  # The promote roles of the environments that promote from here.
  downstream_role_arns = [
    for name, environment in local.env.promotes_to : "arn:aws:iam::${environment.account_id}:role/${local.env.project}-${name}-promote"
  ]

  workload_boundary_arn = "arn:aws:iam::${local.env.account_id}:policy/${local.prefix}-workload"
}
