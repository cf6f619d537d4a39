# Both branches of each option, and what the role may do.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/slipway-qa-ranker-invoker" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { version = "1" }
  }
  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:slipway-qa-ranker-invoker:live" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name         = "slipway-qa-ranker-invoker"
  endpoint_arn = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker"
  package_path = "./src/invoker.py" # any file: the mocked provider opens none
}

run "defaults" {
  command = plan

  assert {
    condition     = length(aws_lambda_function_url.live) == 0 && length(aws_lambda_provisioned_concurrency_config.live) == 0 && length(aws_lambda_permission.invoke) == 0 && length(aws_lambda_permission.url) == 0
    error_message = "address, warm instances and callers from elsewhere are off"
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables == tomap({ ENDPOINT_NAME = "slipway-qa-ranker", TIMEOUT_S = "30", WEIGHTS = "{}" })
    error_message = "the function knows its endpoint and its own time limit"
  }
  assert {
    condition     = aws_lambda_function.this.handler == "invoker.handle" && aws_lambda_function.this.runtime == "python3.11" && aws_lambda_function.this.publish
    error_message = "the handler runs on Python 3.11, in versions"
  }
  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("./src/invoker.py")
    error_message = "the plan holds the hash of the package"
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/slipway-qa-ranker-invoker" && aws_cloudwatch_log_group.this.retention_in_days == 90 && aws_cloudwatch_log_group.this.kms_key_id == null
    error_message = "logs are kept 90 days"
  }
}

run "role_may_invoke_this_endpoint_only" {
  command = plan

  assert {
    condition     = aws_iam_role.this.permissions_boundary == null
    error_message = "without a boundary there is none"
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.invoke.statement :
      (statement.sid == "InvokeThisEndpoint" && statement.actions == toset(["sagemaker:InvokeEndpoint"]) && statement.resources == toset(["arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker"])) ||
      (statement.sid == "WriteOwnLogs" && statement.actions == toset(["logs:CreateLogStream", "logs:PutLogEvents"]) && statement.resources == toset(["arn:aws:logs:eu-west-1:222222222222:log-group:/aws/lambda/slipway-qa-ranker-invoker:log-stream:*"]))
    ]) && length(data.aws_iam_policy_document.invoke.statement) == 2
    error_message = "the role may do more or less than invoke its endpoint and write its logs"
  }
  assert {
    condition     = [for principal in data.aws_iam_policy_document.trust.statement[0].principals : principal.identifiers][0] == toset(["lambda.amazonaws.com"])
    error_message = "only Lambda assumes the role"
  }
}

run "everything_on" {
  command = plan

  variables {
    boundary_arn            = "arn:aws:iam::222222222222:policy/slipway-qa-workload"
    function_url            = true
    principals              = { search = "arn:aws:iam::444444444444:role/search-application" }
    provisioned_concurrency = 2
    reserved_concurrency    = 10
    key_arn                 = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
    weights                 = { main = 90, challenger = 10 }
    timeout_s               = 10
  }

  assert {
    condition     = aws_lambda_function_url.live[0].authorization_type == "AWS_IAM" && aws_lambda_function_url.live[0].qualifier == "live"
    error_message = "the address takes signed requests to the alias"
  }
  assert {
    condition = (
      aws_lambda_permission.url["search"].action == "lambda:InvokeFunctionUrl" && aws_lambda_permission.url["search"].function_url_auth_type == "AWS_IAM" &&
      aws_lambda_permission.invoke["search"].action == "lambda:InvokeFunction" &&
      alltrue([for permission in [aws_lambda_permission.url["search"], aws_lambda_permission.invoke["search"]] : permission.principal == "arn:aws:iam::444444444444:role/search-application" && permission.qualifier == "live"])
    )
    error_message = "the named principal may call the alias, directly and by its address"
  }
  assert {
    condition     = aws_lambda_provisioned_concurrency_config.live[0].provisioned_concurrent_executions == 2 && aws_lambda_provisioned_concurrency_config.live[0].qualifier == "live"
    error_message = "two instances of the alias are warm"
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.kms_key_id == var.key_arn && aws_lambda_function.this.kms_key_arn == var.key_arn && aws_lambda_function.this.reserved_concurrent_executions == 10
    error_message = "the key protects logs and settings"
  }
  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.boundary_arn
    error_message = "the role is below its boundary"
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.TIMEOUT_S == "10" && jsondecode(aws_lambda_function.this.environment[0].variables.WEIGHTS) == { challenger = 10, main = 90 }
    error_message = "the function knows its time limit, and how to spread callers"
  }
}

run "callers_without_an_address" {
  command = plan

  variables {
    principals = { search = "arn:aws:iam::444444444444:role/search-application" }
  }

  assert {
    condition     = length(aws_lambda_permission.invoke) == 1 && length(aws_lambda_permission.url) == 0
    error_message = "without an address there is no permission for one"
  }
}

run "example_minimal" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = output.function_name == "slipway-qa-ranker-invoker"
    error_message = "the function is ${output.function_name}"
  }
}

run "example_complete" {
  module {
    source = "./examples/complete"
  }

  assert {
    condition     = output.url != null
    error_message = "the function has an address"
  }
}
