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

run "refuses_no_alarm" {
  command = plan

  variables {
    alarms = { errors_5xx = { enabled = false }, model_latency_p99 = { enabled = false }, overhead_latency_p99 = { enabled = false } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_eleven_alarms" {
  command = plan

  variables {
    alarms = { additional_names = [for i in range(8) : "alarm-${i}"] }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_an_alarm_period_that_cloudwatch_lacks" {
  command = plan

  variables {
    alarms = { errors_5xx = { period_s = 45 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_an_alarm_over_half_a_period" {
  command = plan

  variables {
    alarms = { model_latency_p99 = { periods = 0.5 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_an_alarm_that_always_rings" {
  command = plan

  variables {
    alarms = { overhead_latency_p99 = { threshold_ms = 0 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_to_scale_a_variant_that_is_not_there" {
  command = plan

  variables {
    autoscaling = { other = { min = 1, max = 3, invocations_per_instance = 20 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_minimum_of_none" {
  command = plan

  variables {
    autoscaling = { main = { min = 0, max = 3, invocations_per_instance = 20 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_minimum_above_the_maximum" {
  command = plan

  variables {
    autoscaling = { main = { min = 4, max = 3, invocations_per_instance = 20 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_target_of_no_invocations" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, invocations_per_instance = 0 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_to_scale_serverless" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, invocations_per_instance = 20 } }
    deployment  = "instant"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.serverless }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_to_scale_burstable_instances" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, invocations_per_instance = 20 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { instance_type = "ml.t2.medium" }) }
      }
    }
  }

  expect_failures = [var.autoscaling]
}
