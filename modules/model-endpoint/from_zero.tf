# An asynchronous endpoint without instances publishes no backlog for each instance, so the target alone would wait for many
# requests. The first one that waits starts an instance.
# https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html (from zero for new requests)
resource "aws_appautoscaling_policy" "from_zero" {
  for_each = local.from_zero

  name               = "${var.name}-${each.value.variant}-from-zero"
  policy_type        = "StepScaling"
  service_namespace  = local.scaling_targets[each.key].service_namespace
  scalable_dimension = local.scaling_targets[each.key].scalable_dimension
  resource_id        = local.scaling_targets[each.key].id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Average"
    cooldown                = each.value.scale_out_cooldown_s

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "from_zero" {
  for_each = local.from_zero

  alarm_name          = "${var.name}-${each.value.variant}-from-zero"
  alarm_description   = "Endpoint ${var.name}, variant ${each.value.variant}: requests wait and there is no instance. One is started."
  namespace           = "AWS/SageMaker"
  metric_name         = "HasBacklogWithoutCapacity"
  dimensions          = { EndpointName = var.name }
  statistic           = "Average"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 2
  treat_missing_data  = "missing"
  alarm_actions       = [aws_appautoscaling_policy.from_zero[each.key].arn]
}
