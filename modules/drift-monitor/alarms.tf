# They tell people and roll nothing back: data that have moved are no deployment's fault. A run that knows too little
# publishes nothing, and nothing is not breaching: a monitor that cannot work has its own alarm.
locals {
  alarms = {
    for kind, alarm in {
      drift = {
        metric  = "MaxDrift", threshold = var.drift.max_psi
        meaning = "a feature or the scores are distributed unlike those that its release was made with (population stability index)"
      }
      quality = {
        metric  = "QualityDrop", threshold = var.labels.max_drop
        meaning = "labels say that its answers are worse than its release's on held-out data"
      }
      unknown = {
        metric  = "UnknownRate", threshold = var.drift.max_unknown_rate
        meaning = "rows hold features that its release does not know"
      }
    } : kind => alarm if contains(var.alarms, kind)
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.endpoint_name}-${each.key}"
  alarm_description   = "Endpoint ${local.endpoint_name}: ${each.value.meaning}. slipway monitor show tells which."
  namespace           = "Slipway/Monitoring"
  metric_name         = each.value.metric
  dimensions          = { EndpointName = local.endpoint_name }
  statistic           = "Maximum"
  period              = var.every_minutes * 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.notification_topic_arns
  ok_actions          = var.notification_topic_arns
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${local.endpoint_name}-monitor-failed"
  alarm_description   = "Endpoint ${local.endpoint_name}: its drift monitor fails, so nobody would hear of drift. Its log says why."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = var.name }
  statistic           = "Sum"
  period              = var.every_minutes * 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.notification_topic_arns
  ok_actions          = var.notification_topic_arns
}
