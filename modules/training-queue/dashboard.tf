locals {
  # Rows of the dashboard: a title, a statistic, and metrics as namespace, name, dimensions in turn.
  widgets = [
    {
      title = "Due, and how long the oldest has been (s)", stat = "Maximum"
      metrics = [
        ["Slipway/Training", "Due", "Queue", local.name],
        ["Slipway/Training", "OldestDueSeconds", "Queue", local.name, { yAxis = "right" }],
      ]
    },
    {
      title = "Launched and ended", stat = "Sum"
      metrics = concat(
        [["Slipway/Training", "Launched", "Queue", local.name]],
        [for status in local.ended : ["Slipway/Training", "Ended", "Queue", local.name, "Status", status]],
      )
    },
    {
      title   = "Open jobs", stat = "Maximum"
      metrics = [["Slipway/Training", "Open", "Queue", local.name]]
    },
    {
      title   = "What AWS and budgets hold back", stat = "Sum"
      metrics = [for name in ["Throttled", "PutBack", "LaunchErrors", "Resubmitted"] : ["Slipway/Training", name, "Queue", local.name]]
    },
    {
      title   = "Given up", stat = "Maximum"
      metrics = [for name in keys(local.dead_queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${local.name}-${replace(name, "_", "-")}"]]
    },
    {
      title   = "Functions' errors", stat = "Sum"
      metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Errors", "FunctionName", "${local.name}-${name}"]]
    },
    {
      title   = "Functions' longest runs (ms)", stat = "Maximum"
      metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Duration", "FunctionName", "${local.name}-${name}"]]
    },
    {
      title   = "Table: units written and read", stat = "Sum"
      metrics = [for name in ["ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits"] : ["AWS/DynamoDB", name, "TableName", local.name]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = [
      for position, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (position % 2)
        y      = 6 * floor(position / 2)
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          stat    = widget.stat
          metrics = widget.metrics
          period  = local.period_s
          region  = var.region
          view    = "timeSeries"
        }
      }
    ]
  })
}
