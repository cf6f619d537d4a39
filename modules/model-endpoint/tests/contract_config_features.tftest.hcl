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

run "refuses_serverless_beside_an_instance_type" {
  command = plan

  variables {
    deployment = "instant"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { serverless = { memory_size_in_mb = 2048, max_concurrency = 10 } }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_serverless_memory_between_steps" {
  command = plan

  variables {
    deployment = "instant"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.serverless, { serverless = { memory_size_in_mb = 1500, max_concurrency = 10 } }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_more_provisioned_than_concurrent" {
  command = plan

  variables {
    deployment = "instant"
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.serverless, { serverless = { memory_size_in_mb = 2048, max_concurrency = 10, provisioned_concurrency = 11 } }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_capture_on_serverless" {
  command = plan

  variables {
    deployment = "instant"
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.serverless }
        data_capture = { sampling_percentage = 10, destination_s3_uri = "s3://bucket/capture" }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_second_variant_beside_serverless" {
  command = plan

  variables {
    deployment = "instant"
    revisions = {
      "r1-0badcafe" = {
        variants = { a = run.fixtures.serverless, b = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_shadow_of_two_variants" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants        = { a = run.fixtures.first, b = run.fixtures.second }
        shadow_variants = { c = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_shadow_heavier_than_its_variant" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants        = { a = run.fixtures.first }
        shadow_variants = { b = merge(run.fixtures.second, { weight = 2 }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_capture_of_nothing" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        data_capture = { sampling_percentage = 0, destination_s3_uri = "s3://bucket/capture" }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_capture_to_a_bucket_without_prefix" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        data_capture = { sampling_percentage = 10, destination_s3_uri = "s3://bucket" }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_capture_key_by_alias" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        data_capture = { sampling_percentage = 10, destination_s3_uri = "s3://bucket/capture", key_arn = "alias/artifacts" }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_an_unknown_capture_mode" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        data_capture = { sampling_percentage = 10, destination_s3_uri = "s3://bucket/capture", modes = ["Both"] }
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_key_alias" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = run.fixtures.first }
        volume_key_arn = "alias/aws/ebs"
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_volume_key_with_g4dn" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = merge(run.fixtures.first, { instance_type = "ml.g4dn.xlarge" }) }
        volume_key_arn = run.fixtures.key_arn
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_volume_key_with_g5" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = merge(run.fixtures.first, { instance_type = "ml.g5.xlarge" }) }
        volume_key_arn = run.fixtures.key_arn
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_volume_key_with_p3dn" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = merge(run.fixtures.first, { instance_type = "ml.p3dn.xlarge" }) }
        volume_key_arn = run.fixtures.key_arn
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_volume_key_with_m5d" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = merge(run.fixtures.first, { instance_type = "ml.m5d.xlarge" }) }
        volume_key_arn = run.fixtures.key_arn
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_volume_key_with_c6id" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = merge(run.fixtures.first, { instance_type = "ml.c6id.xlarge" }) }
        volume_key_arn = run.fixtures.key_arn
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_a_volume_key_with_trn1" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = merge(run.fixtures.first, { instance_type = "ml.trn1.xlarge" }) }
        volume_key_arn = run.fixtures.key_arn
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}

run "refuses_an_asynchronous_endpoint_without_a_place_for_answers" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        asynchronous = { output_s3_uri = "s3://bucket", failure_s3_uri = "s3://bucket/async/failures" }
      }
    }
  }

  expect_failures = [var.revisions]
}

run "refuses_capture_on_an_asynchronous_endpoint" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        asynchronous = { output_s3_uri = "s3://bucket/async/output", failure_s3_uri = "s3://bucket/async/failures" }
        data_capture = { sampling_percentage = 10, destination_s3_uri = "s3://bucket/capture" }
      }
    }
  }

  expect_failures = [var.revisions]
}

run "refuses_a_shadow_on_an_asynchronous_endpoint" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants        = { main = run.fixtures.first }
        shadow_variants = { next = run.fixtures.second }
        asynchronous    = { output_s3_uri = "s3://bucket/async/output", failure_s3_uri = "s3://bucket/async/failures" }
      }
    }
  }

  expect_failures = [var.revisions]
}

run "makes_an_asynchronous_endpoint" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
        asynchronous = {
          output_s3_uri                           = "s3://bucket/async/output"
          failure_s3_uri                          = "s3://bucket/async/failures"
          max_concurrent_invocations_per_instance = 4
          error_topic_arn                         = "arn:aws:sns:eu-west-1:222222222222:errors"
        }
      }
    }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].async_inference_config[0].output_config[0].s3_failure_path == "s3://bucket/async/failures" &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].async_inference_config[0].output_config[0].notification_config[0].error_topic == "arn:aws:sns:eu-west-1:222222222222:errors" &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].async_inference_config[0].client_config[0].max_concurrent_invocations_per_instance == 4
    )
    error_message = "The config does not say where answers and failures go."
  }
}

run "refuses_a_volume_key_with_dl1" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants       = { main = merge(run.fixtures.first, { instance_type = "ml.dl1.24xlarge" }) }
        volume_key_arn = run.fixtures.key_arn
      }
    }
  }

  expect_failures = [aws_sagemaker_endpoint_configuration.this]
}
