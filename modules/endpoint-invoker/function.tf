resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50: one hop to SageMaker, whose metrics tell its latency; a trace would say the same and cost more
  #checkov:skip=CKV_AWS_117: the function talks to SageMaker's runtime only, which is public and authenticated
  #checkov:skip=CKV_AWS_116: it is called synchronously, so there is nothing to put into a dead-letter queue
  #checkov:skip=CKV_AWS_272: the package is built from this repository, byte for byte, and its hash is in the plan
  function_name                  = var.name
  description                    = "Asks the endpoint ${local.endpoint_name} for an answer: JSON in, JSON out."
  role                           = aws_iam_role.this.arn
  filename                       = var.package_path
  source_code_hash               = filebase64sha256(var.package_path)
  runtime                        = "python3.11"
  architectures                  = ["arm64"]
  handler                        = "invoker.handle"
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  kms_key_arn                    = var.key_arn
  reserved_concurrent_executions = var.reserved_concurrency
  publish                        = true # the alias, and provisioned concurrency with it, needs versions

  environment {
    variables = {
      ENDPOINT_NAME = local.endpoint_name
      TIMEOUT_S     = tostring(var.timeout_s)
      WEIGHTS       = jsonencode(var.weights)
    }
  }

  # Without its policy the function's first answers would be refusals; without its group Lambda would make one.
  depends_on = [aws_iam_role_policy.invoke, aws_cloudwatch_log_group.this]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that callers use."
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency == null ? 0 : 1

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}
