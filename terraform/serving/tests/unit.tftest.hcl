# What the root refuses beyond what its modules refuse, and what it makes. The foundation's parameter is mocked.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/slipway-qa-ranker" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { version = "1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_ssm_parameter" {
    defaults = {
      insecure_value = "{\"schema\":1,\"account_id\":\"222222222222\",\"region\":\"eu-west-1\",\"artifact_bucket\":\"slipway-qa-artifacts-222222222222\",\"notification_topic_arn\":\"arn:aws:sns:eu-west-1:222222222222:slipway-qa-notifications\",\"models\":{\"ranker\":{}}}"
    }
  }
}

variables {
  endpoint         = "ranker"
  function_package = "./main.tf" # any file: the mocked provider opens none
  environment = {
    name       = "qa"
    account_id = "222222222222"
    region     = "eu-west-1"
    owner      = "ml-platform"
    repository = "https://github.com/example/slipway"
    models     = { ranker = {} }
  }
  serving = {
    variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }
  }
}

run "fixtures" {
  command = plan

  module {
    source = "./tests/fixtures"
  }
}

run "before_the_first_promotion" {
  command = plan

  variables {
    invoker = {}
    callers = { search = { principal_arns = ["arn:aws:iam::444444444444:role/search-application"] } }
  }

  assert {
    condition     = length(module.endpoint) == 0 && length(module.invoker) == 0 && length(module.caller) == 0 && length(data.aws_ssm_parameter.foundation) == 0
    error_message = "there is nothing to make before the first promotion"
  }
  assert {
    condition     = output.message == "slipway-qa-ranker: nothing is deployed yet. Promote a release: slipway promote <release> --to qa." && output.truth == null && output.endpoint == null && output.invoker == null
    error_message = "the message is ${output.message}"
  }
}

run "an_endpoint_alone" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.variant } } }
  }

  assert {
    condition     = length(module.endpoint) == 1 && length(module.invoker) == 0 && length(module.caller) == 0
    error_message = "without settings there is neither invoker nor caller"
  }
  assert {
    condition     = output.message == "slipway-qa-ranker: wanted is revision r1-0badcafe of 1 retained." && startswith(output.truth.config, "slipway-qa-ranker-r1-0badcafe-")
    error_message = "wanted is ${output.truth.config}"
  }
}

run "everything" {
  variables {
    live        = "r1-0badcafe"
    revisions   = { "r1-0badcafe" = { variants = { main = run.fixtures.variant } } }
    autoscaling = { main = { min = 1, max = 3, invocations_per_instance = 20 } }
    invoker     = { function_url = true, principals = { search = "arn:aws:iam::444444444444:role/search-application" } }
    callers     = { search = { principal_arns = ["arn:aws:iam::444444444444:role/search-application"] } }
  }

  assert {
    condition     = keys(output.callers) == ["search"] && output.invoker.function == "slipway-qa-ranker-invoker" && output.invoker.url != null
    error_message = "invoker and caller are there"
  }
  assert {
    condition     = output.endpoint.name == "slipway-qa-ranker"
    error_message = "the endpoint is ${output.endpoint.name}"
  }
}
