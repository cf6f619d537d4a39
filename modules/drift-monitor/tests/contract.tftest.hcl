# One run for each refusal.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name           = "slipway-qa-ranker-monitor"
  endpoint       = "ranker"
  endpoint_arn   = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker"
  artifact_store = { bucket = "slipway-qa-artifacts-222222222222", key_alias = "alias/slipway-qa-artifacts" }
  models         = ["ranker"]
  package_path   = "./src/monitor.py"
}

run "refuses_an_unknown_alarm" {
  command = plan

  variables {
    alarms = ["drift", "latency"]
  }

  expect_failures = [var.alarms]
}

run "refuses_a_store_without_its_alias" {
  command = plan

  variables {
    artifact_store = { bucket = "slipway-qa-artifacts-222222222222", key_alias = "slipway-qa-artifacts" }
  }

  expect_failures = [var.artifact_store]
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::222222222222:role/boundary"
  }

  expect_failures = [var.boundary_arn]
}

run "refuses_a_window_of_no_whole_minutes" {
  command = plan

  variables {
    drift = { window_minutes = 7.5 }
  }

  expect_failures = [var.drift]
}

run "refuses_to_judge_no_rows" {
  command = plan

  variables {
    drift = { smallest_rows = 0 }
  }

  expect_failures = [var.drift]
}

run "refuses_a_threshold_of_nothing" {
  command = plan

  variables {
    drift = { max_psi = 0 }
  }

  expect_failures = [var.drift]
}

run "refuses_a_share_above_one" {
  command = plan

  variables {
    drift = { max_unknown_rate = 1 }
  }

  expect_failures = [var.drift]
}

run "refuses_the_full_name_as_short_one" {
  command = plan

  variables {
    endpoint = "Ranker_1"
  }

  expect_failures = [var.endpoint]
}

run "refuses_a_wildcard_endpoint" {
  command = plan

  variables {
    endpoint_arn = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/*"
  }

  expect_failures = [var.endpoint_arn]
}

run "refuses_a_period_of_two_days" {
  command = plan

  variables {
    every_minutes = 2880
  }

  expect_failures = [var.every_minutes]
}

run "refuses_a_key_alias" {
  command = plan

  variables {
    key_arn = "alias/logs"
  }

  expect_failures = [var.key_arn]
}

run "refuses_labels_of_a_month" {
  command = plan

  variables {
    labels = { window_minutes = 43200 }
  }

  expect_failures = [var.labels]
}

run "refuses_a_drop_of_everything" {
  command = plan

  variables {
    labels = { max_drop = 1 }
  }

  expect_failures = [var.labels]
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

run "refuses_no_model" {
  command = plan

  variables {
    models = []
  }

  expect_failures = [var.models]
}

run "refuses_to_read_nothing" {
  command = plan

  variables {
    most_requests = 0
  }

  expect_failures = [var.most_requests]
}

run "refuses_a_name_that_is_too_long" {
  command = plan

  variables {
    name = "slipway-qa-a-very-long-endpoint-name-that-goes-on-and-on-for-ever-monitor"
  }

  expect_failures = [var.name]
}

run "refuses_a_topic_that_is_none" {
  command = plan

  variables {
    notification_topic_arns = ["arn:aws:sqs:eu-west-1:222222222222:queue"]
  }

  expect_failures = [var.notification_topic_arns]
}

run "refuses_a_missing_package" {
  command = plan

  variables {
    package_path = "./src/none.zip"
  }

  expect_failures = [var.package_path]
}
