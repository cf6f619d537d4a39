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

run "refuses_an_unknown_preset" {
  command = plan

  variables {
    deployment = "yolo"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.deployment]
}

run "refuses_a_step_that_nobody_can_watch" {
  command = plan

  variables {
    deployment           = "gradual"
    deployment_overrides = { wait_s = 59 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_an_unknown_strategy" {
  command = plan

  variables {
    deployment_overrides = { strategy = "blue_green" }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.deployment_overrides]
}

run "refuses_half_a_second" {
  command = plan

  variables {
    deployment_overrides = { wait_s = 0.5 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.deployment_overrides]
}

run "refuses_a_negative_wait" {
  command = plan

  variables {
    deployment_overrides = { termination_wait_s = -1 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.deployment_overrides]
}

run "refuses_a_canary_above_half" {
  command = plan

  variables {
    deployment_overrides = { strategy = "canary", percent = 51 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_a_linear_step_below_ten" {
  command = plan

  variables {
    deployment_overrides = { strategy = "linear", percent = 9 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_a_rolling_batch_below_five" {
  command = plan

  variables {
    deployment_overrides = { strategy = "rolling", percent = 4 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_a_part_of_all_at_once" {
  command = plan

  variables {
    deployment_overrides = { strategy = "all_at_once", percent = 50 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_steps_of_all_at_once" {
  command = plan

  variables {
    deployment_overrides = { strategy = "all_at_once", wait_s = 60 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_a_termination_wait_of_rolling" {
  command = plan

  variables {
    deployment_overrides = { strategy = "rolling", termination_wait_s = 60 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_a_wait_beyond_an_hour" {
  command = plan

  variables {
    deployment_overrides = { strategy = "canary", wait_s = 3601 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.deployment_overrides]
}

run "refuses_a_limit_that_terraform_does_not_wait_for" {
  command = plan

  variables {
    deployment_overrides = { max_s = 3601 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [var.deployment_overrides]
}

run "refuses_a_bake_beyond_fifty_minutes" {
  command = plan

  variables {
    deployment_overrides = { strategy = "canary", wait_s = 2400, termination_wait_s = 601 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_linear_steps_beyond_fifty_minutes" {
  command = plan

  variables {
    deployment_overrides = { strategy = "linear", percent = 10, wait_s = 300, termination_wait_s = 60 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_a_limit_below_the_waits" {
  command = plan

  variables {
    deployment_overrides = { strategy = "canary", wait_s = 600, termination_wait_s = 600, max_s = 1200 }
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_rolling_with_two_variants" {
  command = plan

  variables {
    deployment = "rolling"
    revisions = {
      "r1-0badcafe" = {
        variants = { a = run.fixtures.first, b = run.fixtures.second }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_rolling_with_a_shadow" {
  command = plan

  variables {
    deployment = "rolling"
    revisions = {
      "r1-0badcafe" = {
        variants        = { main = run.fixtures.first }
        shadow_variants = { shadow = run.fixtures.second }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_rolling_with_one_instance" {
  command = plan

  variables {
    deployment = "rolling"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_steps_for_serverless" {
  command = plan

  variables {
    deployment = "standard"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.serverless }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_steps_on_inf1" {
  command = plan

  variables {
    deployment = "gradual"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { instance_type = "ml.inf1.xlarge" }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}

run "refuses_steps_between_different_variants" {
  command = plan

  variables {
    live = "r2-1a2b3c4d"
    revisions = {
      "r1-0badcafe" = { variants = { main = run.fixtures.first } }
      "r2-1a2b3c4d" = { replaces = "r1-0badcafe", variants = { other = run.fixtures.second } }
    }
  }

  expect_failures = [aws_sagemaker_endpoint.this]
}
