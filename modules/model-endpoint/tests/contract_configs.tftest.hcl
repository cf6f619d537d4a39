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

run "refuses_a_config_name_beyond_63_characters" {
  command = plan

  variables {
    name = "slipway-qa-ranker-with-a-name-that-is-longer-still"
    revisions = {
      "r1-0badcafe" = {
        variants = { m = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_fraction_as_weight" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { weight = 0.9 }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_negative_weight" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { a = merge(run.fixtures.first, { weight = -1 }), b = run.fixtures.second }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_weights_that_are_all_zero" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { weight = 0 }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_an_instance_type_without_a_count" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { initial_instance_count = null }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_an_instance_type_that_is_none" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { instance_type = "m5.large" }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_no_instances" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { initial_instance_count = 0 }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_half_an_instance" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { initial_instance_count = 1.5 }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_start_up_time_below_a_minute" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { container_startup_health_check_timeout_in_seconds = 30 }) }
      }
    }
  }

  expect_failures = [var.revisions]
}

run "refuses_a_download_time_above_an_hour" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { model_data_download_timeout_in_seconds = 3601 }) }
      }
    }
  }

  expect_failures = [var.revisions]
}
