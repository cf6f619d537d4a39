mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  bounds          = "workload"
  project         = "slipway"
  environment     = "stage"
  account_id      = "222222222222"
  region          = "eu-west-1"
  artifact_bucket = "slipway-stage-artifacts-222222222222"
}

run "refuses_an_organization_that_is_none" {
  command = plan

  variables {
    organization_id = "example"
  }

  expect_failures = [var.organization_id]
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id = "22222222222"
  }
}

run "refuses_an_unknown_boundary" {
  command         = plan
  expect_failures = [var.bounds]

  variables {
    bounds = "everything"
  }
}

run "refuses_an_environment_with_capitals" {
  command         = plan
  expect_failures = [var.environment]

  variables {
    environment = "STAGE"
  }
}

run "refuses_a_project_with_wildcards" {
  command         = plan
  expect_failures = [var.project]

  variables {
    project = "*"
  }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "europe"
  }
}
