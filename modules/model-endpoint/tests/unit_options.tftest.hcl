# Both branches of each option.

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

run "defaults" {
  command = plan

  variables {
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].type == "CANARY" &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].canary_size[0].value == 10 &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].wait_interval_in_seconds == 300 &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].termination_wait_in_seconds == 300
    )
    error_message = "the default is a canary of 10 percent that bakes five minutes, twice"
  }
  assert {
    condition = toset(aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration[0].alarms[*].alarm_name) == toset([
      "slipway-qa-ranker-abort", "slipway-qa-ranker-main-errors-5xx", "slipway-qa-ranker-main-model-latency-p99", "slipway-qa-ranker-main-overhead-latency-p99",
    ])
    error_message = "server errors and both latencies roll back"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["main/model_latency_p99"].threshold == 1000000 && aws_cloudwatch_metric_alarm.this["main/model_latency_p99"].extended_statistic == "p99"
    error_message = "SageMaker reports latencies in microseconds"
  }
  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_cloudwatch_dashboard.this) == 1 && output.dashboard_name == "slipway-qa-ranker"
    error_message = "there is a dashboard and no autoscaling"
  }
  assert {
    condition     = length(aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].data_capture_config) == 0 && length(aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].shadow_production_variants) == 0
    error_message = "capture and shadow are off"
  }
}

run "dashboard" {
  command = apply

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { a = run.fixtures.first, b = merge(run.fixtures.second, { instance_type = "ml.g5.xlarge" }) }
      }
    }
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title] == [
      "Server errors (percent)", "Refused requests (percent)", "Requests lost against the hour before (percent)", "Invocations", "Invocations per instance", "Errors",
      "Model latency (microseconds)", "Overhead latency (microseconds)", "Requests at once for each model", "Processors (percent of one each)",
      "Memory and disk (percent)", "GPUs and their memory (percent of one each)", "Alarms",
    ]
    error_message = "the dashboard shows what the alarms see"
  }
  assert {
    condition = [
      for metric in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].properties.metrics : try(metric[0].expression, metric[1])
      ] == [
      "Invocation5XXErrors", "Invocations", "IF(requests0 >= 10, 100 * errors0 / requests0, 0)", "Invocation5XXErrors", "Invocations", "IF(requests1 >= 10, 100 * errors1 / requests1, 0)",
    ]
    error_message = "each variant has ids of its own"
  }
  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.x + widget.width <= 24 && widget.y % 3 == 0])
    error_message = "the grid has 24 columns"
  }
}

run "an_abort_is_always_possible" {
  command = plan

  variables {
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.abort.alarm_name == "slipway-qa-ranker-abort" && aws_cloudwatch_metric_alarm.abort.namespace == "Slipway/Deployments" &&
      aws_cloudwatch_metric_alarm.abort.metric_name == "Abort" && aws_cloudwatch_metric_alarm.abort.dimensions == tomap({ EndpointName = "slipway-qa-ranker" }) &&
      aws_cloudwatch_metric_alarm.abort.statistic == "Sum" && aws_cloudwatch_metric_alarm.abort.threshold == 1 && aws_cloudwatch_metric_alarm.abort.period == 10 &&
      aws_cloudwatch_metric_alarm.abort.evaluation_periods == 1 && aws_cloudwatch_metric_alarm.abort.treat_missing_data == "notBreaching"
    )
    error_message = "one datum of slipway abort turns the alarm red within seconds, and silence is no abort"
  }
}

run "all_at_once" {
  command = plan

  variables {
    deployment_overrides = { strategy = "all_at_once", termination_wait_s = 60, max_s = 900 }
    dashboard            = false
    revisions            = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].type == "ALL_AT_ONCE" &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].wait_interval_in_seconds == 0 &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].termination_wait_in_seconds == 60 &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].maximum_execution_timeout_in_seconds == 900 &&
      length(aws_sagemaker_endpoint.this.deployment_config[0].rolling_update_policy) == 0
    )
    error_message = "all at once has no steps"
  }
  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard_name == null
    error_message = "the dashboard is off"
  }
}

run "presets" {
  command = plan

  variables {
    deployment           = "cautious"
    deployment_overrides = { termination_wait_s = 300 }
    revisions            = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
  }

  assert {
    condition     = keys(local.deployment_profiles) == ["cautious", "gradual", "instant", "quick", "rolling", "standard"]
    error_message = "six words are enough"
  }
  assert {
    condition     = local.deployment == { strategy = "canary", percent = 5, wait_s = 900, termination_wait_s = 300, max_s = 3300 }
    error_message = "an override replaces one number of the preset, and the others stay: ${jsonencode(local.deployment)}"
  }
  assert {
    condition = alltrue([
      for name, preset in local.deployment_profiles :
      preset.percent >= local.deployment_bounds[preset.strategy].least && preset.percent <= local.deployment_bounds[preset.strategy].most &&
      preset.max_s <= 3600 && (preset.strategy == "all_at_once" ? preset.wait_s == 0 : preset.wait_s >= 60)
    ])
    error_message = "every preset is within AWS's bounds"
  }
}

run "a_strategy_of_ones_own" {
  command = plan

  variables {
    deployment           = "rolling"
    deployment_overrides = { strategy = "all_at_once", termination_wait_s = 60 }
    revisions            = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
  }

  assert {
    condition     = local.deployment == { strategy = "all_at_once", percent = 100, wait_s = 0, termination_wait_s = 60, max_s = 3300 }
    error_message = "what a strategy does not have is not taken from the preset: ${jsonencode(local.deployment)}"
  }
}

run "linear" {
  command = plan

  variables {
    deployment_overrides = { strategy = "linear", percent = 20, wait_s = 60 }
    revisions            = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].type == "LINEAR" &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].linear_step_size[0].value == 20 &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].wait_interval_in_seconds == 60
    )
    error_message = "linear has steps of 20 percent"
  }
}

run "rolling" {
  command = plan

  variables {
    deployment = "rolling"
    revisions  = { "r1-0badcafe" = { variants = { main = merge(run.fixtures.first, { initial_instance_count = 2 }) } } }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint.this.deployment_config[0].rolling_update_policy[0].maximum_batch_size[0].value == 25 &&
      aws_sagemaker_endpoint.this.deployment_config[0].rolling_update_policy[0].wait_interval_in_seconds == 180 &&
      length(aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy) == 0 &&
      length(aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration) == 1
    )
    error_message = "rolling has its own policy, and rolls back as well"
  }
}

run "autoscaling" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = { variants = { a = run.fixtures.first, b = merge(run.fixtures.second, { instance_type = "ml.c5.large" }) } }
    }
    autoscaling = {
      b = { min = 1, max = 3, invocations_per_instance = 20, scale_in_cooldown_s = 30, scale_out_cooldown_s = 30 }
    }
  }

  assert {
    condition     = keys(aws_appautoscaling_target.this) == ["b@ml.c5.large"] && keys(aws_appautoscaling_policy.invocations) == ["b@ml.c5.large"]
    error_message = "targets are keyed by variant and instance type"
  }
  assert {
    condition = (
      aws_appautoscaling_target.this["b@ml.c5.large"].resource_id == "endpoint/slipway-qa-ranker/variant/b" &&
      aws_appautoscaling_target.this["b@ml.c5.large"].min_capacity == 1 && aws_appautoscaling_target.this["b@ml.c5.large"].max_capacity == 3 &&
      aws_appautoscaling_policy.invocations["b@ml.c5.large"].target_tracking_scaling_policy_configuration[0].target_value == 20 &&
      aws_appautoscaling_policy.invocations["b@ml.c5.large"].target_tracking_scaling_policy_configuration[0].scale_in_cooldown == 30
    )
    error_message = "the target tracks 20 invocations on one to three instances"
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 16 && length(local.rollback_alarm_names) == 7
    error_message = "eight kinds on two variants, of which three roll back, and the abort"
  }
}

run "serverless" {
  command = plan

  variables {
    deployment = "instant"
    revisions  = { "r1-0badcafe" = { variants = { main = run.fixtures.serverless } } }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].production_variants[0].serverless_config[0].memory_size_in_mb == 2048 &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].production_variants[0].serverless_config[0].max_concurrency == 10 &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].production_variants[0].instance_type == null
    )
    error_message = "a serverless variant has no instances"
  }
}

run "shadow_capture_network_and_key" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants        = { main = merge(run.fixtures.first, { weight = 10 }) }
        shadow_variants = { candidate = run.fixtures.second }
        data_capture    = { sampling_percentage = 10, destination_s3_uri = "s3://slipway-qa-artifacts-222222222222/capture/ranker", modes = ["Output"], key_arn = "arn:aws:kms:eu-west-1:222222222222:key/artifacts" }
        network         = { subnet_ids = ["subnet-0a", "subnet-0b"], security_group_ids = ["sg-0a"], isolation = true }
        volume_key_arn  = run.fixtures.key_arn
      }
    }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].shadow_production_variants[0].variant_name == "candidate" &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].shadow_production_variants[0].initial_variant_weight == 1 &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].production_variants[0].initial_variant_weight == 10
    )
    error_message = "the shadow copies a tenth of the requests"
  }
  assert {
    condition = (
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].data_capture_config[0].initial_sampling_percentage == 10 &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].data_capture_config[0].capture_options[*].capture_mode == tolist(["Output"]) &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].data_capture_config[0].kms_key_id == "arn:aws:kms:eu-west-1:222222222222:key/artifacts" &&
      aws_sagemaker_endpoint_configuration.this["r1-0badcafe"].kms_key_arn == run.fixtures.key_arn
    )
    error_message = "capture and volume key reach the config"
  }
  assert {
    condition = alltrue([
      for model in values(aws_sagemaker_model.this) :
      model.enable_network_isolation && model.vpc_config[0].subnets == toset(["subnet-0a", "subnet-0b"]) && model.vpc_config[0].security_group_ids == toset(["sg-0a"])
    ]) && length(aws_sagemaker_model.this) == 2
    error_message = "both models run in the network, isolated"
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 8
    error_message = "a shadow answers nobody, so it rolls nothing back"
  }
}
