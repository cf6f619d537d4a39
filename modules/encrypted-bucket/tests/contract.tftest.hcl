mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  name       = "example-records-111111111111"
  account_id = "111111111111"
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id = "11111111111"
  }
}

run "refuses_a_name_that_s3_refuses" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "Records_of_mine"
  }
}

run "refuses_a_deletion_window_that_kms_refuses" {
  command         = plan
  expect_failures = [var.key]

  variables {
    key = { deletion_window_days = 3 }
  }
}

run "refuses_an_alias_that_kms_refuses" {
  command         = plan
  expect_failures = [var.key]

  variables {
    key = { alias = "records of mine" }
  }
}

run "refuses_days_of_zero" {
  command         = plan
  expect_failures = [var.lifecycle_rules]

  variables {
    lifecycle_rules = { all = { noncurrent_days = 0 } }
  }
}

run "refuses_expiry_beside_marker_cleaning" {
  command         = plan
  expect_failures = [var.lifecycle_rules]

  variables {
    lifecycle_rules = { all = { expiration_days = 5, clean_delete_markers = true } }
  }
}
