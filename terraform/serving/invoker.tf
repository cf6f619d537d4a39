module "invoker" {
  source = "../../modules/endpoint-invoker"
  count  = local.deployed && var.invoker != null ? 1 : 0

  boundary_arn            = local.boundary_arn
  endpoint_arn            = local.endpoint_arn
  function_url            = var.invoker.function_url
  log_retention_days      = var.invoker.log_retention_days
  memory_mb               = var.invoker.memory_mb
  name                    = "${local.endpoint_name}-invoker"
  package_path            = local.function_package
  principals              = var.invoker.principals
  provisioned_concurrency = var.invoker.provisioned_concurrency
  reserved_concurrency    = var.invoker.reserved_concurrency
  timeout_s               = var.invoker.timeout_s

  # known in the plan, and handed over when the endpoint serves them: until then the function asks for the old variants
  weights = module.endpoint[0].weights
}
