# They tell people. Launch reports every minute, even that nothing is due: silence means that nothing is launched.
locals {
  period_s = 300

  alarms = merge(
    {
      oldest-due = {
        namespace = "Slipway/Training", metric = "OldestDueSeconds", dimensions = { Queue = local.name }, statistic = "Maximum"
        threshold = 60 * var.alarms.oldest_due_minutes, periods = 3, missing = "breaching"
        meaning   = "a job has been due for more than ${var.alarms.oldest_due_minutes} minutes, or launch does not run. slipway train list --status New says which; the dashboard whether budgets or AWS hold them back."
      }
      failed-jobs = {
        namespace = "Slipway/Training", metric = "Ended", dimensions = { Queue = local.name, Status = "Failed" }, statistic = "Sum"
        threshold = var.alarms.failed_jobs, periods = 1, missing = "notBreaching"
        meaning   = "more than ${var.alarms.failed_jobs} jobs have failed for good in ${local.period_s / 60} minutes. slipway train report says whose, slipway train show why."
      }
      throttled = {
        namespace = "Slipway/Training", metric = "Throttled", dimensions = { Queue = local.name }, statistic = "Sum"
        threshold = var.alarms.throttled, periods = 3, missing = "notBreaching"
        meaning   = "SageMaker refuses launches as too many, for a quarter of an hour. Lower launches_per_second, or find who else calls."
      }
      finish-late = {
        namespace = "AWS/Lambda", metric = "IteratorAge", dimensions = { FunctionName = "${local.name}-finish" }, statistic = "Maximum"
        threshold = 3600 * 1000, periods = 1, missing = "notBreaching"
        meaning   = "the ends of jobs are told an hour late. The table's stream keeps them for a day: mend ${local.name}-finish before, its log says what fails."
      }
    },
    {
      for name in keys(local.dead_queues) : "${replace(name, "_", "-")}-not-empty" => {
        namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "${local.name}-${replace(name, "_", "-")}" }
        statistic = "Maximum", threshold = 0, periods = 1, missing = "notBreaching"
        meaning   = "a step was given up. Mend its cause, then slipway train redrive --queue ${trimsuffix(name, "_dead")}."
      }
    },
    {
      for name in keys(local.functions) : "${name}-errors" => {
        namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = "${local.name}-${name}" }, statistic = "Sum"
        threshold = var.alarms.function_errors, periods = 1, missing = "notBreaching"
        meaning   = "the function ${local.name}-${name} fails. Its log says why; nothing is lost as long as the dead-letter queues are empty."
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "Training queue ${local.name}: ${each.value.meaning}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = local.period_s
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = var.notification_topic_arns
  ok_actions          = var.notification_topic_arns

  # Once launch is called, its silence means something.
  depends_on = [aws_scheduler_schedule.this]
}
