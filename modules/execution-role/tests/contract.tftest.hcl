mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  name       = "slipway-stage-ranker-execution"
  model      = "ranker"
  account_id = "222222222222"
  region     = "eu-west-1"

  artifact_store = { bucket = "slipway-stage-artifacts-222222222222", key_alias = "alias/slipway-stage-artifacts" }
  repository_arn = "arn:aws:ecr:eu-west-1:222222222222:repository/slipway/ranker"
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id = "22222222222"
  }
}

run "refuses_an_alias_without_its_first_part" {
  command         = plan
  expect_failures = [var.artifact_store]

  variables {
    artifact_store = { bucket = "b", key_alias = "slipway-stage-artifacts" }
  }
}

run "refuses_a_boundary_that_is_no_policy" {
  command         = plan
  expect_failures = [var.boundary_arn]

  variables {
    boundary_arn = "workload"
  }
}

run "refuses_a_model_name_with_capitals" {
  command         = plan
  expect_failures = [var.model]

  variables {
    model = "Ranker"
  }
}

run "refuses_a_role_name_beyond_64" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "slipway-public-a-model-with-a-name-that-does-not-fit-at-all-execution"
  }
}

run "refuses_a_network_without_subnets" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }
}

run "refuses_a_network_of_something_else" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { subnet_ids = ["vpc-1"], security_group_ids = ["sg-1"] }
  }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "europe"
  }
}

run "refuses_all_repositories" {
  command         = plan
  expect_failures = [var.repository_arn]

  variables {
    repository_arn = "arn:aws:ecr:eu-west-1:222222222222:repository/*"
  }
}

run "refuses_a_whole_bucket_as_input" {
  command         = plan
  expect_failures = [var.training]

  variables {
    training = { inputs = { lake = { bucket = "lake", prefix = "" } } }
  }
}

run "refuses_a_wildcard_input" {
  command         = plan
  expect_failures = [var.training]

  variables {
    training = { inputs = { lake = { bucket = "lake", prefix = "*/" } } }
  }
}
