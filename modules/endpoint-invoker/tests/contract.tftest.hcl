# One run for each refusal.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name         = "slipway-qa-ranker-invoker"
  endpoint_arn = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker"
  package_path = "./src/invoker.py"
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::222222222222:role/boundary"
  }

  expect_failures = [var.boundary_arn]
}

run "refuses_a_wildcard_endpoint" {
  command = plan

  variables {
    endpoint_arn = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/*"
  }

  expect_failures = [var.endpoint_arn]
}

run "refuses_an_endpoint_in_upper_case" {
  command = plan

  variables {
    endpoint_arn = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/Ranker"
  }

  expect_failures = [var.endpoint_arn]
}

run "refuses_a_key_alias" {
  command = plan

  variables {
    key_arn = "alias/logs"
  }

  expect_failures = [var.key_arn]
}

run "refuses_days_that_cloudwatch_does_not_keep" {
  command = plan

  variables {
    log_retention_days = 100
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_too_little_memory" {
  command = plan

  variables {
    memory_mb = 64
  }

  expect_failures = [var.memory_mb]
}

run "refuses_a_name_beyond_64_characters" {
  command = plan

  variables {
    name = "a123456789-123456789-123456789-123456789-123456789-123456789-12345"
  }

  expect_failures = [var.name]
}

run "refuses_a_missing_package" {
  command = plan

  variables {
    package_path = "./src/missing.zip"
  }

  expect_failures = [var.package_path]
}

run "refuses_an_account_as_principal" {
  command = plan

  variables {
    principals = { search = "arn:aws:iam::444444444444:root" }
  }

  expect_failures = [var.principals]
}

run "refuses_everybody_as_principal" {
  command = plan

  variables {
    principals = { all = "*" }
  }

  expect_failures = [var.principals]
}

run "refuses_no_warm_instance" {
  command = plan

  variables {
    provisioned_concurrency = 0
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_more_warm_than_reserved" {
  command = plan

  variables {
    provisioned_concurrency = 5
    reserved_concurrency    = 4
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_negative_concurrency" {
  command = plan

  variables {
    reserved_concurrency = -1
  }

  expect_failures = [var.reserved_concurrency]
}

run "refuses_a_second_as_time_limit" {
  command = plan

  variables {
    timeout_s = 1
  }

  expect_failures = [var.timeout_s]
}

run "refuses_part_of_a_weight" {
  command = plan

  variables {
    weights = { main = 0.5 }
  }

  expect_failures = [var.weights]
}
