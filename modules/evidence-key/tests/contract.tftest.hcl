mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  alias           = "slipway-stage-evidence"
  account_id      = "222222222222"
  signer_role_arn = "arn:aws:iam::222222222222:role/slipway-stage-promote"
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id      = "22222222222"
    signer_role_arn = "arn:aws:iam::22222222222:role/slipway-stage-promote"
  }
}

run "refuses_an_alias_with_its_prefix" {
  command         = plan
  expect_failures = [var.alias]

  variables {
    alias = "alias/slipway-stage-evidence"
  }
}

run "refuses_a_window_that_kms_refuses" {
  command         = plan
  expect_failures = [var.deletion_window_days]

  variables {
    deletion_window_days = 1
  }
}

run "refuses_an_organization_that_is_none" {
  command         = plan
  expect_failures = [var.organization_id]

  variables {
    organization_id = "ours"
  }
}

run "refuses_a_signer_of_another_account" {
  command         = plan
  expect_failures = [var.signer_role_arn]

  variables {
    signer_role_arn = "arn:aws:iam::333333333333:role/slipway-live-promote"
  }
}

run "refuses_any_verifier" {
  command         = plan
  expect_failures = [var.verifier_role_arns]

  variables {
    verifier_role_arns = ["*"]
  }
}
