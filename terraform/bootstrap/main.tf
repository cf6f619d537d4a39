# Once for each account, before any foundation: other environments' policies name the promote role that is made here, and
# AWS refuses policies that name a principal that does not exist.
locals {
  env    = var.environment
  prefix = "${local.env.project}-${local.env.name}"

  access = toset(["plan", "deploy-foundation", "deploy-serving", "promote"])
}
