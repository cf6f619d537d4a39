# One application of another account may ask one endpoint.
module "search" {
  source = "../.."

  name           = "slipway-production-ranker-caller-search"
  endpoint_arns  = ["arn:aws:sagemaker:eu-west-1:333333333333:endpoint/slipway-production-ranker"]
  principal_arns = ["arn:aws:iam::444444444444:role/search-application"]
}

output "role_arn" {
  description = "ARN that the application assumes."
  value       = module.search.arn
}
