mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  name       = "slipway-stage-artifacts-222222222222"
  account_id = "222222222222"
  region     = "eu-west-1"
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id = "22222222222"
  }
}

run "refuses_a_name_that_s3_refuses" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "Slipway_artifacts"
  }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "europe"
  }
}

run "refuses_a_prefix_without_slash" {
  command         = plan
  expect_failures = [var.immutable_prefixes]

  variables {
    immutable_prefixes = ["releases"]
  }
}

run "refuses_a_wildcard_prefix" {
  command         = plan
  expect_failures = [var.immutable_prefixes]

  variables {
    immutable_prefixes = ["*/"]
  }
}

run "refuses_readable_prefixes_without_slash" {
  command         = plan
  expect_failures = [var.readable_prefixes]

  variables {
    readable_prefixes = ["releases"]
  }
}

run "refuses_the_whole_store_as_readable" {
  command         = plan
  expect_failures = [var.readable_prefixes]

  variables {
    readable_prefixes = ["*"]
  }
}

run "refuses_no_readable_prefix" {
  command         = plan
  expect_failures = [var.readable_prefixes]

  variables {
    readable_prefixes = []
  }
}

run "refuses_a_whole_account_as_reader" {
  command         = plan
  expect_failures = [var.reader_role_arns]

  variables {
    reader_role_arns = ["arn:aws:iam::333333333333:root"]
  }
}

run "refuses_any_role_as_reader" {
  command         = plan
  expect_failures = [var.reader_role_arns]

  variables {
    reader_role_arns = ["arn:aws:iam::333333333333:role/*"]
  }
}

run "refuses_anybody_as_reader" {
  command         = plan
  expect_failures = [var.reader_role_arns]

  variables {
    reader_role_arns = ["*"]
  }
}

run "refuses_any_role_as_pruner" {
  command         = plan
  expect_failures = [var.pruner_role_arns]

  variables {
    pruner_role_arns = ["arn:aws:iam::222222222222:role/*"]
  }
}

run "refuses_days_of_zero" {
  command         = plan
  expect_failures = [var.retention]

  variables {
    retention = { noncurrent_days = 0 }
  }
}

run "refuses_a_day_too_short_to_resume" {
  command         = plan
  expect_failures = [var.retention]

  variables {
    retention = { aborted_upload_days = 1 }
  }
}

run "refuses_any_role_as_writer" {
  command         = plan
  expect_failures = [var.exclusive_writers]

  variables {
    exclusive_writers = { "break-glass/" = "*" }
  }
}

run "refuses_a_writer_of_everything" {
  command         = plan
  expect_failures = [var.exclusive_writers]

  variables {
    exclusive_writers = { "" = "arn:aws:iam::222222222222:role/slipway-stage-break-glass" }
  }
}

run "refuses_to_keep_what_expires" {
  command         = plan
  expect_failures = [var.immutable_prefixes]

  variables {
    immutable_prefixes = ["capture/kept/"]
  }
}

run "refuses_pruned_records" {
  command         = plan
  expect_failures = [var.prunable_prefixes]

  variables {
    prunable_prefixes = ["audit/"]
  }
}
