# What promotion, rollback and pruning do to names and keys. Applied on a mocked provider: each run sees the state that the
# one before left.

mock_provider "aws" {
  mock_resource "aws_sagemaker_endpoint" {
    defaults = { arn = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker" }
  }
}

variables {
  name   = "slipway-qa-ranker"
  region = "eu-west-1"
}

run "fixtures" {
  command = plan

  module {
    source = "./tests/fixtures"
  }
}

run "first_revision" {
  variables {
    live      = "r1-0badcafe"
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
  }

  # The names are written out: when a change to the module renames what exists, every endpoint is redeployed by it.
  assert {
    condition     = output.truth.config == "slipway-qa-ranker-r1-0badcafe-14c7b718"
    error_message = "the config of unchanged content is now named ${output.truth.config}"
  }
  assert {
    condition     = output.truth.models["r1-0badcafe"].main == "slipway-qa-ranker-main-0b72ce71f1"
    error_message = "the model of unchanged content is now named ${output.truth.models["r1-0badcafe"].main}"
  }
  assert {
    condition     = aws_sagemaker_endpoint.this.endpoint_config_name == output.truth.config
    error_message = "the endpoint points at ${aws_sagemaker_endpoint.this.endpoint_config_name}"
  }
}

run "promotion_adds_and_moves" {
  variables {
    live = "r2-1a2b3c4d"
    revisions = {
      "r1-0badcafe" = { variants = { main = run.fixtures.first } }
      "r2-1a2b3c4d" = { created = "2026-11-22T10:00:00Z", replaces = "r1-0badcafe", variants = { main = run.fixtures.second } }
    }
  }

  assert {
    condition     = output.truth.configs["r1-0badcafe"] == run.first_revision.truth.config
    error_message = "the retained config was renamed"
  }
  assert {
    condition     = output.truth.models["r1-0badcafe"] == run.first_revision.truth.models["r1-0badcafe"]
    error_message = "the retained model was renamed"
  }
  assert {
    condition     = length(aws_sagemaker_model.this) == 2 && length(aws_sagemaker_endpoint_configuration.this) == 2
    error_message = "a promotion adds one model and one config"
  }
  assert {
    condition     = aws_sagemaker_endpoint.this.endpoint_config_name == output.truth.configs["r2-1a2b3c4d"]
    error_message = "the endpoint did not move"
  }
}

run "rollback_changes_one_attribute" {
  variables {
    live = "r1-0badcafe"
    revisions = {
      "r1-0badcafe" = { variants = { main = run.fixtures.first } }
      "r2-1a2b3c4d" = { created = "2026-11-22T10:00:00Z", replaces = "r1-0badcafe", variants = { main = run.fixtures.second } }
    }
  }

  assert {
    condition     = output.truth.configs == run.promotion_adds_and_moves.truth.configs && output.truth.models == run.promotion_adds_and_moves.truth.models
    error_message = "a rollback makes no model and no config"
  }
  assert {
    condition     = aws_sagemaker_endpoint.this.endpoint_config_name == run.first_revision.truth.config
    error_message = "the endpoint did not move back"
  }
  assert {
    condition     = output.alarm_names == run.promotion_adds_and_moves.alarm_names
    error_message = "alarms live through promotions and rollbacks"
  }
}

run "remarks_are_no_content" {
  variables {
    live = "r1-0badcafe"
    revisions = {
      "r1-0badcafe" = { created = "2030-01-01T00:00:00Z", replaces = "r0-00000000", variants = { main = run.fixtures.first } }
    }
  }

  assert {
    condition     = output.truth.config == run.first_revision.truth.config
    error_message = "created and replaces must not rename a config"
  }
}

run "spelled_out_defaults_are_no_content" {
  variables {
    live = "r1-0badcafe"
    revisions = {
      "r1-0badcafe" = {
        variants        = { main = merge(run.fixtures.first, { weight = 1, environment = {}, serverless = null, container_startup_health_check_timeout_in_seconds = null }) }
        shadow_variants = {}
        data_capture    = null
        network         = null
        volume_key_arn  = null
      }
    }
  }

  assert {
    condition     = output.truth.config == run.first_revision.truth.config
    error_message = "null and left out are the same"
  }
}

run "equal_content_shares_a_model" {
  variables {
    live = "r2-1a2b3c4d"
    revisions = {
      "r1-0badcafe" = { variants = { main = run.fixtures.first } }
      "r2-1a2b3c4d" = { variants = { main = merge(run.fixtures.first, { instance_type = "ml.c5.large", initial_instance_count = 2 }) } }
    }
  }

  assert {
    condition     = length(aws_sagemaker_model.this) == 1 && length(aws_sagemaker_endpoint_configuration.this) == 2
    error_message = "the instance type belongs to the config, so that the model is shared"
  }
  assert {
    condition     = output.truth.models["r1-0badcafe"] == output.truth.models["r2-1a2b3c4d"]
    error_message = "both revisions name the shared model"
  }
}

run "pruning_keeps_the_shared_model" {
  variables {
    live = "r2-1a2b3c4d"
    revisions = {
      "r2-1a2b3c4d" = { variants = { main = merge(run.fixtures.first, { instance_type = "ml.c5.large", initial_instance_count = 2 }) } }
    }
  }

  assert {
    condition     = output.truth.models["r2-1a2b3c4d"] == run.equal_content_shares_a_model.truth.models["r2-1a2b3c4d"]
    error_message = "the model was renamed when its first revision was pruned"
  }
  assert {
    condition     = output.truth.config == run.equal_content_shares_a_model.truth.config
    error_message = "the config was renamed when another was pruned"
  }
}

run "whatever_forces_a_new_model_renames_it" {
  command = plan

  variables {
    live = "r1-0badcafe"
    revisions = {
      "r1-0badcafe" = { variants = { main = run.fixtures.first } }
      "r2-00000000" = { variants = { main = merge(run.fixtures.first, { environment = { MODE = "fast" } }) } }
      "r3-00000000" = { variants = { main = merge(run.fixtures.first, { execution_role_arn = "arn:aws:iam::222222222222:role/other" }) } }
      "r4-00000000" = { variants = { main = run.fixtures.first }, network = { isolation = true } }
      "r5-00000000" = { variants = { main = run.fixtures.first }, network = { subnet_ids = ["subnet-0b", "subnet-0a"], security_group_ids = ["sg-0a"] } }
      "r6-00000000" = { variants = { main = run.fixtures.first }, network = { subnet_ids = ["subnet-0a", "subnet-0b"], security_group_ids = ["sg-0a"] } }
      "r7-00000000" = { variants = { main = merge(run.fixtures.first, { image = run.fixtures.second.image }) } }
      "r8-00000000" = { variants = { other = run.fixtures.first } }
      "r9-00000000" = { variants = { main = run.fixtures.first }, volume_key_arn = run.fixtures.key_arn }
    }
  }

  assert {
    condition     = length(distinct(flatten([for models in values(output.truth.models) : values(models)]))) == 7
    error_message = "one of role, environment, network, image or variant is not in the model's hash"
  }
  assert {
    condition     = output.truth.models["r5-00000000"] == output.truth.models["r6-00000000"]
    error_message = "the order of subnets is no content"
  }
  assert {
    condition     = output.truth.models["r9-00000000"] == output.truth.models["r1-0badcafe"] && substr(output.truth.configs["r9-00000000"], -8, 8) != substr(output.truth.configs["r1-0badcafe"], -8, 8)
    error_message = "the volume key renames the config, and not the model"
  }
}
