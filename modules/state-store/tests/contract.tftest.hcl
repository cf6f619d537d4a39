mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  name       = "slipway-stage-tfstate-222222222222"
  account_id = "222222222222"
  key_alias  = "slipway-stage-tfstate"
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
    name = "Slipway_states"
  }
}

run "refuses_a_history_too_short_to_repair" {
  command         = plan
  expect_failures = [var.noncurrent_days]

  variables {
    noncurrent_days = 7
  }
}
