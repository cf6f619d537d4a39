# A function for callers inside the account. `make build` makes the package.
variable "package_path" {
  description = "Path of build/functions/endpoint-invoker.zip."
  type        = string
}

module "invoker" {
  source = "../.."

  name         = "slipway-qa-ranker-invoker"
  endpoint_arn = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker"
  package_path = var.package_path
}

output "function_name" {
  description = "Name of the function."
  value       = module.invoker.function_name
}
