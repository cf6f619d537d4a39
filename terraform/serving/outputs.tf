output "callers" {
  description = "ARNs of the roles that callers from other accounts assume, by caller."
  value       = { for name, caller in module.caller : name => caller.arn }
}

output "endpoint" {
  description = "Name and ARN of the endpoint; null before the first promotion."
  value       = one([for endpoint in module.endpoint : { name = endpoint.name, arn = endpoint.arn }])
}

output "invoker" {
  description = "Function, alias ARN and address (null without one) of the invoker; null without it."
  value       = one([for invoker in module.invoker : { function = invoker.function_name, alias_arn = invoker.alias_arn, url = invoker.url }])
}

output "message" {
  description = "What this state holds, in a sentence."
  value = local.deployed ? (
    "${local.endpoint_name}: wanted is revision ${var.live} of ${length(var.revisions)} retained."
    ) : (
    "${local.endpoint_name}: nothing is deployed yet. Promote a release: slipway promote <release> --to ${local.env.name}."
  )
}

output "truth" {
  description = "What Terraform wants, by revision. Not what is live: `slipway verify` compares it with AWS. Null before the first promotion."
  value       = one(module.endpoint[*].truth)
}
