locals {
  # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html: latencies are in microseconds
  alarm_kinds = {
    errors_5xx = {
      setting   = var.alarms.errors_5xx
      threshold = try(var.alarms.errors_5xx.threshold, null)
      metric    = "Invocation5XXErrors"
      statistic = "Sum"
      meaning   = "the model or the platform answers with server errors"
    }
    errors_4xx = {
      setting   = var.alarms.errors_4xx
      threshold = try(var.alarms.errors_4xx.threshold, null)
      metric    = "Invocation4XXErrors"
      statistic = "Sum"
      meaning   = "callers' requests are refused, as happens when a model stops accepting what they send"
    }
    model_latency_p99 = {
      setting   = var.alarms.model_latency_p99
      threshold = try(var.alarms.model_latency_p99.threshold_ms * 1000, null)
      metric    = "ModelLatency"
      statistic = "p99"
      meaning   = "the model itself answers slowly"
    }
    overhead_latency_p99 = {
      setting   = var.alarms.overhead_latency_p99
      threshold = try(var.alarms.overhead_latency_p99.threshold_ms * 1000, null)
      metric    = "OverheadLatency"
      statistic = "p99"
      meaning   = "SageMaker adds much time around the model, as with overlarge requests or too few instances"
    }
  }
  alarms = merge([
    for kind, alarm in local.alarm_kinds : {
      for variant in keys(local.live.variants) : "${variant}/${kind}" => merge(alarm, { kind = kind, variant = variant })
    } if try(alarm.setting.enabled, false)
  ]...)
}

# One alarm for each kind and each variant of the live revision. Names hold no revision: an alarm lives through
# promotions, so that a deployment is judged by an alarm that has history.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.value.variant}-${replace(each.value.kind, "_", "-")}"
  alarm_description   = "Endpoint ${var.name}, variant ${each.value.variant}: ${each.value.meaning}. A deployment that is under way is rolled back."
  namespace           = "AWS/SageMaker"
  metric_name         = each.value.metric
  dimensions          = { EndpointName = var.name, VariantName = each.value.variant }
  statistic           = each.value.statistic == "Sum" ? "Sum" : null
  extended_statistic  = each.value.statistic == "Sum" ? null : each.value.statistic
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  period              = each.value.setting.period_s
  evaluation_periods  = each.value.setting.periods
  treat_missing_data  = "notBreaching" # no traffic is no failure
  alarm_actions       = var.notification_topic_arns
  ok_actions          = var.notification_topic_arns

  lifecycle {
    # The endpoint must let go of an alarm before the alarm goes.
    create_before_destroy = true
  }
}

# `slipway abort` puts one datum: the only way to end a deployment while Terraform holds the lock of the state.
resource "aws_cloudwatch_metric_alarm" "abort" {
  alarm_name          = "${var.name}-abort"
  alarm_description   = "Endpoint ${var.name}: somebody aborts the deployment that is under way (slipway abort)."
  namespace           = "Slipway/Deployments"
  metric_name         = "Abort"
  dimensions          = { EndpointName = var.name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 10 # high resolution: seen within seconds, and green again before the next attempt
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  lifecycle {
    create_before_destroy = true
  }
}
