# Kept warm, with an HTTPS address for an application of another account, which signs its requests.
variable "package_path" {
  description = "Path of build/functions/endpoint-invoker.zip."
  type        = string
}

module "invoker" {
  source = "../.."

  name                    = "slipway-production-ranker-invoker"
  endpoint_arn            = "arn:aws:sagemaker:eu-west-1:333333333333:endpoint/slipway-production-ranker"
  package_path            = var.package_path
  function_url            = true
  principals              = { search = "arn:aws:iam::444444444444:role/search-application" }
  provisioned_concurrency = 2
  reserved_concurrency    = 50
  memory_mb               = 512
  timeout_s               = 10
  log_retention_days      = 365
  key_arn                 = "arn:aws:kms:eu-west-1:333333333333:key/11111111-2222-3333-4444-555555555555"
}

output "url" {
  description = "Address of the function."
  value       = module.invoker.url
}
