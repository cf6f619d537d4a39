resource "aws_sagemaker_model_package_group" "this" {
  for_each = local.env.models

  model_package_group_name        = "${local.prefix}-${each.key}"
  model_package_group_description = "Releases of ${each.key} that reached ${local.env.name}"

  lifecycle {
    precondition {
      condition     = length("${local.prefix}-${each.key}") <= 63
      error_message = "The model package group ${local.prefix}-${each.key} has ${length("${local.prefix}-${each.key}")} characters; SageMaker takes 63. Shorten project, environment or model."
    }
  }
}
