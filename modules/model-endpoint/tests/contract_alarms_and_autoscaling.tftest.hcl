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

run "refuses_no_alarm_but_the_abort" {
  command = plan

  variables {
    alarms = { rolls_back = [] }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_rollback_by_kinds_that_are_off" {
  command = plan

  variables {
    alarms = { rolls_back = ["cpu", "gpu"], cpu = { enabled = false } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_eleven_alarms" {
  command = plan

  variables {
    alarms = { additional_names = [for i in range(7) : "alarm-${i}"] }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_an_unknown_kind" {
  command = plan

  variables {
    alarms = { rolls_back = ["errors_6xx"] }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_a_period_in_which_no_metric_comes" {
  command = plan

  variables {
    alarms = { errors_5xx = { period_s = 30 } }
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

run "refuses_an_alarm_that_never_rings" {
  command = plan

  variables {
    alarms = { memory = { threshold_percent = 101 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_a_rate_of_no_requests" {
  command = plan

  variables {
    alarms = { errors_4xx = { min_requests = 0 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.alarms]
}

run "refuses_alarms_slower_than_the_bake" {
  command = plan

  variables {
    deployment = "instant"
    alarms = {
      errors_5xx           = { periods = 3 }
      model_latency_p99    = { periods = 3 }
      overhead_latency_p99 = { enabled = false }
    }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_a_rate_that_a_broken_canary_never_reaches" {
  command = plan

  variables {
    deployment = "cautious"
    alarms     = { errors_5xx = { threshold_percent = 5 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
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

run "refuses_a_scheduled_minimum_of_none" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, invocations_per_instance = 20, schedules = { night = { schedule = "cron(0 20 * * ? *)", min = 0 } } } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_maximum_of_none" {
  command = plan

  variables {
    autoscaling = { main = { min = 0, max = 0, backlog_per_instance = 5 } }
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        asynchronous = run.fixtures.asynchronous
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_zero_without_a_backlog_to_wait_for" {
  command = plan

  variables {
    autoscaling = { main = { min = 0, max = 3, cpu_percent = 60 } }
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        asynchronous = run.fixtures.asynchronous
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_backlog_of_an_endpoint_that_answers_at_once" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, backlog_per_instance = 5 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_invocations_of_an_asynchronous_endpoint" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, invocations_per_instance = 20 } }
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        asynchronous = run.fixtures.asynchronous
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_more_than_all_processors" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, cpu_percent = 101 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_scaling_by_nothing" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3 } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_schedule_that_is_none" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, schedules = { day = { schedule = "every morning", min = 2 } } } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_schedule_that_moves_nothing" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, schedules = { day = { schedule = "rate(1 day)" } } } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_scheduled_minimum_above_the_maximum" {
  command = plan

  variables {
    autoscaling = { main = { min = 1, max = 3, schedules = { day = { schedule = "rate(1 day)", min = 4 } } } }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.autoscaling]
}
