module "role_boundary" {
  source   = "../../modules/role-boundary"
  for_each = setunion(["deployment", "workload"], local.has_queue ? ["queue"] : [])

  bounds          = each.key
  project         = local.env.project
  environment     = local.env.name
  account_id      = local.env.account_id
  region          = local.env.region
  artifact_bucket = "${local.prefix}-artifacts-${local.env.account_id}"
  organization_id = local.env.organization_id
}

module "deploy_role" {
  source   = "../../modules/deploy-role"
  for_each = local.access

  access        = each.key
  project       = local.env.project
  environment   = local.env.name
  account_id    = local.env.account_id
  region        = local.env.region
  promotes_from = local.env.promotes_from
  operator_arns = lookup(local.people, each.key, local.env.operators)

  organization_id    = local.env.organization_id
  approval_by_others = local.env.gates.approval

  boundary_arn          = module.role_boundary["deployment"].arn
  workload_boundary_arn = module.role_boundary["workload"].arn
  queue_boundary_arn    = local.has_queue ? module.role_boundary["queue"].arn : null

  # The host is taken from the provider, so that it is made first: IAM refuses to trust one that does not exist. Its ARN is not,
  # and there is no depends_on: both would hide the trust policy from the plan that makes it.
  identity_providers = {
    for name, provider in local.env.identity_providers : name => {
      arn      = "arn:aws:iam::${local.env.account_id}:oidc-provider/${trimprefix(provider.issuer, "https://")}"
      host     = trimprefix(provider.create ? aws_iam_openid_connect_provider.this[name].url : provider.issuer, "https://")
      audience = provider.audience
      subjects = provider.subjects[each.key]
    } if length(provider.subjects[each.key]) > 0
  }
}
