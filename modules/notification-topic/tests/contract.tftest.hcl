mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
}

variables {
  name       = "slipway-stage-notifications"
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

run "refuses_a_name_that_sns_refuses" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "slipway stage"
  }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "europe"
  }
}

run "refuses_a_publisher_that_is_no_service" {
  command         = plan
  expect_failures = [var.publisher_services]

  variables {
    publisher_services = ["*"]
  }
}

run "refuses_no_publisher" {
  command         = plan
  expect_failures = [var.publisher_services]

  variables {
    publisher_services = []
  }
}

run "refuses_an_unencrypted_protocol" {
  command         = plan
  expect_failures = [var.subscribers]

  variables {
    subscribers = { hook = { protocol = "http", endpoint = "http://example.com" } }
  }
}

run "refuses_a_filter_that_nothing_passes" {
  command         = plan
  expect_failures = [var.subscribers]

  variables {
    subscribers = { search = { protocol = "email", endpoint = "search@example.com", filter = { owner = [] } } }
  }
}

run "refuses_a_filter_of_more_than_five" {
  command         = plan
  expect_failures = [var.subscribers]

  variables {
    subscribers = { search = { protocol = "email", endpoint = "search@example.com", filter = { for name in ["a", "b", "c", "d", "e", "f"] : name => ["x"] } } }
  }
}
