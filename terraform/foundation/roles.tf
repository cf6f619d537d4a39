module "execution_role" {
  source   = "../../modules/execution-role"
  for_each = local.env.models

  name         = "${local.prefix}-${each.key}-execution"
  model        = each.key
  account_id   = local.env.account_id
  region       = local.env.region
  boundary_arn = local.workload_boundary_arn

  artifact_store = {
    bucket    = "${local.prefix}-artifacts-${local.env.account_id}"
    key_alias = "alias/${local.prefix}-artifacts"
  }
  repository_arn = module.image_registry.repository_arns[each.key]
  training       = each.value.training
  network        = each.value.network
}
