mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  account_id   = "111111111111"
  region       = "eu-west-1"
  prefix       = "slipway"
  repositories = { ranker = {} }
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id = "11111111111"
  }
}

run "refuses_an_alias_as_key" {
  command         = plan
  expect_failures = [var.key_arn]

  variables {
    key_arn = "arn:aws:kms:eu-west-1:111111111111:alias/images"
  }
}

run "refuses_a_prefix_that_ecr_refuses" {
  command         = plan
  expect_failures = [var.prefix]

  variables {
    prefix = "Slipway"
  }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "europe"
  }
}

run "refuses_a_source_that_lost_digits" {
  command         = plan
  expect_failures = [var.replicates_from]

  variables {
    replicates_from = { lab = { account_id = "1111" } }
  }
}

run "refuses_a_target_that_lost_digits" {
  command         = plan
  expect_failures = [var.replicates_to]

  variables {
    replicates_to = { stage = { account_id = "2222", region = "eu-west-1" } }
  }
}

run "refuses_a_target_without_region" {
  command         = plan
  expect_failures = [var.replicates_to]

  variables {
    replicates_to = { stage = { account_id = "222222222222", region = "" } }
  }
}

run "refuses_a_target_named_twice" {
  command         = plan
  expect_failures = [var.replicates_to]

  variables {
    replicates_to = { a = { account_id = "222222222222", region = "eu-west-1" }, b = { account_id = "222222222222", region = "eu-west-1" } }
  }
}

run "refuses_more_targets_than_ecr_takes" {
  command         = plan
  expect_failures = [var.replicates_to]

  variables {
    replicates_to = { for n in range(26) : "t${n}" => { account_id = format("%012d", n + 1), region = "eu-west-1" } }
  }
}

run "refuses_a_repository_that_ecr_refuses" {
  command         = plan
  expect_failures = [var.repositories]

  variables {
    repositories = { "Ranker" = {} }
  }
}

run "refuses_untagged_days_of_zero" {
  command         = plan
  expect_failures = [var.repositories]

  variables {
    repositories = { ranker = { untagged_days = 0 } }
  }
}

run "refuses_to_keep_too_few_to_roll_back" {
  command         = plan
  expect_failures = [var.repositories]

  variables {
    repositories = { ranker = { kept_images = 10 } }
  }
}
