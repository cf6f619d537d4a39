# One run for each refusal.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  project     = "slipway"
  environment = "stage"
  account_id  = "222222222222"
  region      = "eu-west-1"
  artifact_store = {
    bucket    = "slipway-stage-artifacts-222222222222"
    key_alias = "alias/slipway-stage-artifacts"
    key_arn   = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
  }
  models         = { ranker = {} }
  instance_types = { "ml.m5.large" = { budget = 4 } }
  package        = { path = "./versions.tf" } # any file: a plan opens none
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id = "22222222222"
  }
}

run "refuses_alarms_at_once" {
  command         = plan
  expect_failures = [var.alarms]

  variables {
    alarms = { oldest_due_minutes = 0 }
  }
}

run "refuses_a_store_without_its_alias" {
  command         = plan
  expect_failures = [var.artifact_store]

  variables {
    artifact_store = { bucket = "slipway-stage-artifacts", key_alias = "slipway-stage-artifacts", key_arn = "x" }
  }
}

run "refuses_a_boundary_that_is_no_policy" {
  command         = plan
  expect_failures = [var.boundary_arn]

  variables {
    boundary_arn = "arn:aws:iam::222222222222:role/boundary"
  }
}

run "refuses_half_a_launcher" {
  command         = plan
  expect_failures = [var.concurrency]

  variables {
    concurrency = { launch = 0.5 }
  }
}

run "refuses_one_monitor" {
  command         = plan
  expect_failures = [var.concurrency]

  variables {
    concurrency = { monitor = 1 }
  }
}

run "refuses_an_environment_in_capitals" {
  command         = plan
  expect_failures = [var.environment]

  variables {
    environment = "Stage"
  }
}

run "refuses_to_keep_nothing" {
  command         = plan
  expect_failures = [var.history_days]

  variables {
    history_days = 0
  }
}

run "refuses_a_type_of_ec2" {
  command         = plan
  expect_failures = [var.instance_types]

  variables {
    instance_types = { "m5.large" = { budget = 1 } }
  }
}

run "refuses_no_type" {
  command         = plan
  expect_failures = [var.instance_types]

  variables {
    instance_types = {}
  }
}

run "refuses_a_type_without_budget" {
  command         = plan
  expect_failures = [var.instance_types]

  variables {
    instance_types = { "ml.m5.large" = { budget = 0 } }
  }
}

run "refuses_half_an_instance" {
  command         = plan
  expect_failures = [var.instance_types]

  variables {
    instance_types = { "ml.m5.large" = { budget = 1.5 } }
  }
}

run "refuses_a_negative_budget" {
  command         = plan
  expect_failures = [var.instance_types]

  variables {
    instance_types = { "ml.m5.large" = { budget = 2, spot_budget = -1 } }
  }
}

run "refuses_a_price_of_nothing" {
  command         = plan
  expect_failures = [var.instance_types]

  variables {
    instance_types = { "ml.m5.large" = { budget = 2, usd_per_hour = 0 } }
  }
}

run "refuses_to_launch_nothing" {
  command         = plan
  expect_failures = [var.launches_per_second]

  variables {
    launches_per_second = 0
  }
}

run "refuses_days_that_cloudwatch_does_not_keep" {
  command         = plan
  expect_failures = [var.log_retention_days]

  variables {
    log_retention_days = 100
  }
}

run "refuses_no_model" {
  command         = plan
  expect_failures = [var.models]

  variables {
    models = {}
  }
}

run "refuses_a_topic_that_is_none" {
  command         = plan
  expect_failures = [var.notification_topic_arns]

  variables {
    notification_topic_arns = ["arn:aws:sqs:eu-west-1:222222222222:queue"]
  }
}

run "refuses_an_unknown_package" {
  command         = plan
  expect_failures = [var.package]

  variables {
    package = { type = "jar" }
  }
}

run "refuses_a_missing_package" {
  command         = plan
  expect_failures = [var.package]

  variables {
    package = { path = "./none.zip" }
  }
}

run "refuses_a_package_of_nothing" {
  command         = plan
  expect_failures = [var.package]

  variables {
    package = {}
  }
}

run "refuses_an_image_by_tag" {
  command         = plan
  expect_failures = [var.package]

  variables {
    package = { type = "image", image_uri = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/training-queue:latest" }
  }
}

run "refuses_a_project_with_two_hyphens" {
  command         = plan
  expect_failures = [var.project]

  variables {
    project = "slip--way"
  }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "europe"
  }
}

run "refuses_a_schedules_name_with_spaces" {
  command         = plan
  expect_failures = [var.schedules]

  variables {
    schedules = { "every night" = { expression = "rate(1 day)", template = "./examples/complete/nightly.yaml" } }
  }
}

run "refuses_an_expression_of_another_kind" {
  command         = plan
  expect_failures = [var.schedules]

  variables {
    schedules = { nightly = { expression = "0 3 * * *", template = "./examples/complete/nightly.yaml" } }
  }
}

run "refuses_a_missing_template" {
  command         = plan
  expect_failures = [var.schedules]

  variables {
    schedules = { nightly = { expression = "rate(1 day)", template = "./none.yaml" } }
  }
}

run "refuses_a_template_that_is_a_text" {
  command         = plan
  expect_failures = [var.schedules]

  variables {
    schedules = { nightly = { expression = "rate(1 day)", template = "./tests/templates/text.yaml" } }
  }
}

run "refuses_a_template_without_a_date" {
  command         = plan
  expect_failures = [var.schedules]

  variables {
    schedules = { nightly = { expression = "rate(1 day)", template = "./tests/templates/fixed.json" } }
  }
}

run "refuses_an_unknown_state" {
  command         = plan
  expect_failures = [var.subscribers]

  variables {
    subscribers = { a = { protocol = "email", endpoint = "a@example.com", states = ["Ended"] } }
  }
}

run "refuses_an_unknown_model" {
  command         = plan
  expect_failures = [var.subscribers]

  variables {
    subscribers = { a = { protocol = "email", endpoint = "a@example.com", models = ["classifier"] } }
  }
}

run "refuses_a_name_that_leaves_none_to_functions" {
  command         = plan
  expect_failures = [aws_dynamodb_table.this]

  variables {
    project = "a-project-whose-name-goes-on-and-on-on"
  }
}

run "refuses_settings_that_lambda_does_not_take" {
  command         = plan
  expect_failures = [aws_lambda_function.this]

  variables {
    models = { ranker = { inputs = { for number in range(60) : "input-${number}" => { bucket = "a-bucket-with-a-long-name", prefix = "and/a/long/prefix/${number}/" } } } }
  }
}
