# How capacity follows load, time and backlog.

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

run "several_targets" {
  command = plan

  variables {
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
    autoscaling = {
      main = { min = 2, max = 6, invocations_per_instance = 20, concurrency_per_model = 4, cpu_percent = 60, scale_in_cooldown_s = 600 }
    }
  }

  assert {
    condition = (
      keys(aws_appautoscaling_target.this) == ["main@ml.m5.large"] && keys(aws_appautoscaling_policy.invocations) == ["main@ml.m5.large"] &&
      keys(aws_appautoscaling_policy.tracking) == ["main@ml.m5.large/concurrency", "main@ml.m5.large/cpu"] && length(aws_appautoscaling_policy.from_zero) == 0
    )
    error_message = "one target has three policies"
  }
  assert {
    condition = (
      aws_appautoscaling_policy.tracking["main@ml.m5.large/concurrency"].target_tracking_scaling_policy_configuration[0].target_value == 4 &&
      aws_appautoscaling_policy.tracking["main@ml.m5.large/concurrency"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "SageMakerVariantConcurrentRequestsPerModelHighResolution" &&
      aws_appautoscaling_policy.tracking["main@ml.m5.large/concurrency"].target_tracking_scaling_policy_configuration[0].scale_in_cooldown == 600
    )
    error_message = "requests at once have a predefined metric"
  }
  assert {
    condition = (
      aws_appautoscaling_policy.tracking["main@ml.m5.large/cpu"].target_tracking_scaling_policy_configuration[0].target_value == 120 &&
      aws_appautoscaling_policy.tracking["main@ml.m5.large/cpu"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].namespace == "/aws/sagemaker/Endpoints" &&
      { for dimension in aws_appautoscaling_policy.tracking["main@ml.m5.large/cpu"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].dimensions : dimension.name => dimension.value } ==
      { EndpointName = "slipway-qa-ranker", VariantName = "main" }
    )
    error_message = "60 percent of two processors are 120 percent of one"
  }
}

run "schedules" {
  command = apply

  variables {
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
    autoscaling = {
      main = {
        min = 1, max = 3, invocations_per_instance = 20
        schedules = {
          morning = { schedule = "cron(0 7 ? * MON-FRI *)", time_zone = "Europe/Zurich", min = 3, max = 9 }
          evening = { schedule = "cron(0 19 ? * MON-FRI *)", time_zone = "Europe/Zurich", min = 1 }
        }
      }
    }
  }

  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && aws_appautoscaling_target.scheduled["main@ml.m5.large"].min_capacity == 1 && length(aws_appautoscaling_policy.invocations) == 1
    error_message = "schedules come besides the target's own bounds and policies"
  }
  assert {
    condition = (
      aws_appautoscaling_scheduled_action.this["main@ml.m5.large/morning"].name == "slipway-qa-ranker-main-morning" && aws_appautoscaling_scheduled_action.this["main@ml.m5.large/morning"].timezone == "Europe/Zurich" &&
      aws_appautoscaling_scheduled_action.this["main@ml.m5.large/morning"].scalable_target_action[0].min_capacity == "3" && aws_appautoscaling_scheduled_action.this["main@ml.m5.large/morning"].scalable_target_action[0].max_capacity == "9" &&
      aws_appautoscaling_scheduled_action.this["main@ml.m5.large/evening"].scalable_target_action[0].max_capacity == null
    )
    error_message = "mornings take three to nine instances"
  }
}

# What a schedule moved is not put back, but bounds that a human changed do arrive.
run "bounds_of_a_scheduled_target" {
  command = plan

  variables {
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
    autoscaling = {
      main = { min = 2, max = 5, invocations_per_instance = 20, schedules = { morning = { schedule = "rate(1 day)", min = 3 } } }
    }
  }

  assert {
    condition     = aws_appautoscaling_target.scheduled["main@ml.m5.large"].min_capacity == 2 && aws_appautoscaling_target.scheduled["main@ml.m5.large"].max_capacity == 5
    error_message = "the target is made anew with ${aws_appautoscaling_target.scheduled["main@ml.m5.large"].min_capacity} to ${aws_appautoscaling_target.scheduled["main@ml.m5.large"].max_capacity}"
  }
}

run "from_zero" {
  command = plan

  variables {
    autoscaling = { main = { min = 0, max = 3, backlog_per_instance = 5, scale_out_cooldown_s = 120 } }
    revisions = {
      "r1-0badcafe" = {
        variants     = { main = run.fixtures.first }
        asynchronous = run.fixtures.asynchronous
      }
    }
    alarms = { overhead_latency_p99 = { enabled = false } }
  }

  assert {
    condition = (
      aws_appautoscaling_target.this["main@ml.m5.large"].min_capacity == 0 && length(aws_appautoscaling_policy.invocations) == 0 &&
      aws_appautoscaling_policy.tracking["main@ml.m5.large/backlog"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metric_name == "ApproximateBacklogSizePerInstance" &&
      { for dimension in aws_appautoscaling_policy.tracking["main@ml.m5.large/backlog"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].dimensions : dimension.name => dimension.value } == { EndpointName = "slipway-qa-ranker" }
    )
    error_message = "the backlog of each instance is tracked, down to none"
  }
  assert {
    condition = (
      aws_appautoscaling_policy.from_zero["main@ml.m5.large"].policy_type == "StepScaling" && aws_appautoscaling_policy.from_zero["main@ml.m5.large"].step_scaling_policy_configuration[0].cooldown == 120 &&
      aws_cloudwatch_metric_alarm.from_zero["main@ml.m5.large"].metric_name == "HasBacklogWithoutCapacity" && aws_cloudwatch_metric_alarm.from_zero["main@ml.m5.large"].alarm_name == "slipway-qa-ranker-main-from-zero"
    )
    error_message = "the first request that waits starts an instance"
  }
  assert {
    condition = keys(local.live_alarms) == ["main/cpu", "main/disk", "main/errors_4xx", "main/errors_5xx", "main/memory", "main/model_latency_p99"] && toset([
      for query in local.live_alarms["main/errors_5xx"].queries : "${query.metric} ${query.statistic}" if query.metric != null
    ]) == toset(["Invocation5XXErrors Sum", "Invocation5XXErrors SampleCount"])
    error_message = "an asynchronous endpoint publishes neither invocations nor overhead: ${jsonencode(keys(local.live_alarms))}"
  }
}
