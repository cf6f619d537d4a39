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

run "refuses_an_image_of_another_account" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { image = replace(run.fixtures.variant.image, "222222222222", "111111111111") }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_an_image_of_another_region" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { image = replace(run.fixtures.variant.image, "eu-west-1", "us-east-1") }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_a_role_of_another_account" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { execution_role_arn = "arn:aws:iam::111111111111:role/slipway-dev-ranker-execution" }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_a_volume_key_of_another_account" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, {}) }, volume_key_arn = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555" } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_a_model_that_the_foundation_does_not_know" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { release = "speller-20261121t100000-1a2b3c4", model_data_url = "s3://slipway-qa-artifacts-222222222222/releases/speller/speller-20261121t100000-1a2b3c4/model.tar.gz" }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_what_is_no_release" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { release = "latest" }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_an_archive_of_another_account" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { model_data_url = replace(run.fixtures.variant.model_data_url, "slipway-qa-artifacts-222222222222", "slipway-dev-artifacts-111111111111") }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_an_archive_of_a_bucket_with_a_longer_name" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { model_data_url = replace(run.fixtures.variant.model_data_url, "slipway-qa-artifacts-222222222222", "slipway-qa-artifacts-222222222222-copy") }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_the_archive_of_another_release" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, { release = "ranker-20261122t100000-1a2b3c4" }) } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_capture_to_another_account" {
  command = plan

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.variant, {}) }, data_capture = { sampling_percentage = 10, destination_s3_uri = "s3://slipway-dev-artifacts-111111111111/capture/ranker" } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_asynchronous_answers_of_another_endpoint" {
  command = plan

  variables {
    live = "r1-0badcafe"
    revisions = { "r1-0badcafe" = {
      variants     = { main = merge(run.fixtures.variant, {}) }
      asynchronous = { output_s3_uri = "s3://slipway-qa-artifacts-222222222222/async/other/output", failure_s3_uri = "s3://slipway-qa-artifacts-222222222222/async/other/failures" }
    } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_a_foundation_of_another_schema" {
  command = plan

  override_data {
    target = data.aws_ssm_parameter.foundation
    values = { insecure_value = "{\"schema\":2,\"account_id\":\"222222222222\",\"region\":\"eu-west-1\",\"artifact_bucket\":\"slipway-qa-artifacts-222222222222\",\"notification_topic_arn\":\"\",\"models\":{\"ranker\":{}}}" }
  }

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.variant } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_a_foundation_of_another_account" {
  command = plan

  override_data {
    target = data.aws_ssm_parameter.foundation
    values = { insecure_value = "{\"schema\":1,\"account_id\":\"111111111111\",\"region\":\"eu-west-1\",\"artifact_bucket\":\"slipway-qa-artifacts-222222222222\",\"notification_topic_arn\":\"\",\"models\":{\"ranker\":{}}}" }
  }

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.variant } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}

run "refuses_a_foundation_that_is_no_json" {
  command = plan

  override_data {
    target = data.aws_ssm_parameter.foundation
    values = { insecure_value = "none" }
  }

  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.variant } } }
  }

  expect_failures = [data.aws_ssm_parameter.foundation]
}
