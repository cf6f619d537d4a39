# One run for each refusal: every one of them comes at plan time, before AWS is asked for anything.

mock_provider "aws" {}

variables {
  name   = "slipway-qa-ranker"
  region = "eu-west-1"
  live   = "r1-0badcafe"
}

run "fixtures" {
  command = plan

  module {
    source = "./tests/fixtures"
  }
}

run "refuses_no_revision" {
  command = plan

  variables {
    revisions = {}
  }

  expect_failures = [var.revisions]
}

run "refuses_a_live_revision_that_is_not_retained" {
  command = plan

  variables {
    live = "r2-0badcafe"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.live]
}

run "refuses_a_live_revision_that_failed" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        failed   = "2026-11-21T10:00:00Z: alarm slipway-qa-ranker-main-errors-5xx rang"
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.live]
}

run "refuses_a_key_that_is_no_revision_id" {
  command = plan

  variables {
    live      = "first"
    revisions = { first = { variants = { main = run.fixtures.first } } }
  }

  expect_failures = [var.revisions]
}

run "refuses_a_revision_without_variants" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = {}
      }
    }
  }

  expect_failures = [var.revisions]
}

run "refuses_a_variant_name_with_an_underscore" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { my_main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.revisions]
}

run "refuses_a_shadow_that_is_named_like_its_variant" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants        = { main = run.fixtures.first }
        shadow_variants = { main = run.fixtures.second }
      }
    }
  }

  expect_failures = [var.revisions]
}

run "refuses_a_name_in_upper_case" {
  command = plan

  variables {
    name = "Slipway-qa-ranker"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.name]
}

run "refuses_an_endpoint_name_beyond_63_characters" {
  command = plan

  variables {
    name = "a123456789-123456789-123456789-123456789-123456789-123456789-123"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.name]
}

run "refuses_a_topic_that_is_no_arn" {
  command = plan

  variables {
    notification_topic_arns = ["alerts"]
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.notification_topic_arns]
}

run "refuses_a_region_that_is_none" {
  command = plan

  variables {
    region = "Ireland"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.region]
}
