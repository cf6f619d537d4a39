module "caller" {
  source   = "../../modules/caller-role"
  for_each = local.deployed ? var.callers : {}

  boundary_arn    = local.boundary_arn
  endpoint_arns   = [local.endpoint_arn]
  external_id     = each.value.external_id
  organization_id = local.env.organization_id

  name           = "${local.endpoint_name}-caller-${each.key}"
  principal_arns = each.value.principal_arns
}
