# What the root refuses beyond what its modules refuse, and what it makes. The foundation's parameter is mocked.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_ssm_parameter" {
    defaults = {
      insecure_value = "{\"schema\":1,\"account_id\":\"222222222222\",\"region\":\"eu-west-1\",\"artifact_bucket\":\"slipway-qa-artifacts-222222222222\",\"notification_topic_arn\":\"arn:aws:sns:eu-west-1:222222222222:slipway-qa-notifications\",\"models\":{\"ranker\":{}}}"
    }
  }
}

variables {
  endpoint         = "ranker"
  function_package = "./main.tf" # any file: the mocked provider opens none
  environment = {
    name       = "qa"
    account_id = "222222222222"
    region     = "eu-west-1"
    owner      = "ml-platform"
    repository = "https://github.com/example/slipway"
    models     = { ranker = {} }
  }
  serving = {
    variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }
  }
}

run "fixtures" {
  command = plan

  module {
    source = "./tests/fixtures"
  }
}

run "refuses_live_without_revisions" {
  command = plan

  variables {
    live = "r1-0badcafe"
  }

  expect_failures = [var.live]
}

run "refuses_revisions_without_live" {
  command = plan

  variables {
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.variant } } }
  }

  expect_failures = [var.live]
}

run "refuses_an_endpoint_in_upper_case" {
  command = plan

  variables {
    endpoint = "Ranker"
  }

  expect_failures = [var.endpoint]
}

run "refuses_an_endpoint_named_like_the_queue" {
  command = plan

  variables {
    endpoint = "training-monitor"
  }

  expect_failures = [var.endpoint]
}

run "refuses_a_caller_with_an_underscore" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.variant } } }
    callers   = { search_page = { principal_arns = ["arn:aws:iam::444444444444:role/search-application"] } }
  }

  expect_failures = [var.callers]
}

run "refuses_a_region_that_is_none" {
  command = plan

  variables {
    environment = { name = "qa", account_id = "222222222222", region = "Ireland", owner = "a", repository = "b", models = { ranker = {} } }
  }

  expect_failures = [var.environment]
}

run "refuses_an_account_that_is_no_number" {
  command = plan

  variables {
    environment = { name = "qa", account_id = "2222", region = "eu-west-1", owner = "a", repository = "b", models = { ranker = {} } }
  }

  expect_failures = [var.environment]
}

run "refuses_an_environment_in_upper_case" {
  command = plan

  variables {
    environment = { name = "QA", account_id = "222222222222", region = "eu-west-1", owner = "a", repository = "b", models = { ranker = {} } }
  }

  expect_failures = [var.environment]
}

run "refuses_to_serve_an_unknown_model" {
  command = plan

  variables {
    serving = { variants = { main = { model = "speller", instance_type = "ml.m5.large", instance_count = 1 } } }
  }

  expect_failures = [var.serving]
}

run "refuses_to_serve_nothing" {
  command = plan

  variables {
    serving = { variants = {} }
  }

  expect_failures = [var.serving]
}

run "refuses_a_fraction_as_weight" {
  command = plan

  variables {
    serving = { variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1, weight = 0.5 } } }
  }

  expect_failures = [var.serving]
}

run "refuses_weights_that_are_all_zero" {
  command = plan

  variables {
    serving = { variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1, weight = 0 } } }
  }

  expect_failures = [var.serving]
}

run "refuses_serverless_beside_instances" {
  command = plan

  variables {
    serving = { variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1, serverless = { memory_size_in_mb = 2048, max_concurrency = 10 } } } }
  }

  expect_failures = [var.serving]
}

run "refuses_instances_without_a_count" {
  command = plan

  variables {
    serving = { variants = { main = { model = "ranker", instance_type = "ml.m5.large" } } }
  }

  expect_failures = [var.serving]
}

run "refuses_to_capture_nothing" {
  command = plan

  variables {
    serving = { variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }, data_capture = { sampling_percentage = 0 } }
  }

  expect_failures = [var.serving]
}

run "refuses_a_shadow_beside_two_variants" {
  command = plan

  variables {
    serving = {
      variants = {
        main       = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 }
        challenger = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 }
      }
      shadow_variants = { dark = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }
    }
  }

  expect_failures = [var.serving]
}

run "refuses_a_shadow_that_gets_more_than_all" {
  command = plan

  variables {
    serving = {
      variants        = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }
      shadow_variants = { dark = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1, weight = 2 } }
    }
  }

  expect_failures = [var.serving]
}

run "refuses_subnets_without_security_groups" {
  command = plan

  variables {
    serving = {
      variants = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }
      network  = { subnet_ids = ["subnet-0a", "subnet-0b"] }
    }
  }

  expect_failures = [var.serving]
}

run "refuses_a_network_of_serverless" {
  command = plan

  variables {
    serving = {
      variants = { main = { model = "ranker", serverless = { memory_size_in_mb = 2048, max_concurrency = 5 } } }
      network  = { isolation = true }
    }
  }

  expect_failures = [var.serving]
}

run "refuses_a_key_alias" {
  command = plan

  variables {
    serving = {
      variants       = { main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 } }
      volume_key_arn = "arn:aws:kms:eu-west-1:222222222222:alias/volumes"
    }
  }

  expect_failures = [var.serving]
}

run "refuses_a_volume_key_with_disks_of_their_own" {
  command = plan

  variables {
    serving = {
      variants       = { main = { model = "ranker", instance_type = "ml.g5.xlarge", instance_count = 1 } }
      volume_key_arn = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
    }
  }

  expect_failures = [var.serving]
}
