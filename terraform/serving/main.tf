# One endpoint with all that belongs to it. Names first: every ARN that a policy holds is built from names, so that
# policies are known, and can be reviewed, in the plan that creates everything.

locals {
  env = var.environment

  endpoint_name = "${local.env.project}-${local.env.name}-${var.endpoint}"
  endpoint_arn  = "arn:aws:sagemaker:${local.env.region}:${local.env.account_id}:endpoint/${local.endpoint_name}"

  # Before the first promotion there is nothing to serve, and an invoker or a caller role without it would only mislead.
  deployed = length(var.revisions) > 0

  function_package = coalesce(var.function_package, "${path.root}/../../build/functions/endpoint-invoker.zip")

  # Every variant of every retained revision: live may move to any of them.
  variants = merge([
    for id, revision in var.revisions : {
      for name, variant in merge(revision.variants, revision.shadow_variants) : "${id}/${name}" => merge(variant, {
        model = try(regex("^([a-z0-9]+(?:-[a-z0-9]+)*)-[0-9]{8}t[0-9]{6}-[0-9a-f]{7}$", variant.release)[0], null)
      })
    }
  ]...)
}
