locals {
  # "/aws/sagemaker/Endpoints" holds what an instance uses, "AWS/SageMaker" what callers see.
  dashboard_charts = [
    { title = "Invocations", namespace = "AWS/SageMaker", metrics = ["Invocations"], statistics = ["Sum"] },
    { title = "Invocations per instance", namespace = "AWS/SageMaker", metrics = ["InvocationsPerInstance"], statistics = ["Sum"] },
    { title = "Errors", namespace = "AWS/SageMaker", metrics = ["Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors"], statistics = ["Sum"] },
    { title = "Model latency (microseconds)", namespace = "AWS/SageMaker", metrics = ["ModelLatency"], statistics = ["p50", "p99"] },
    { title = "Overhead latency (microseconds)", namespace = "AWS/SageMaker", metrics = ["OverheadLatency"], statistics = ["p50", "p99"] },
    { title = "Requests at once for each model", namespace = "AWS/SageMaker", metrics = ["ConcurrentRequestsPerModel"], statistics = ["Maximum"] },
    { title = "Processors (percent of one each)", namespace = "/aws/sagemaker/Endpoints", metrics = ["CPUUtilization"], statistics = ["Average", "Maximum"] },
    { title = "Memory and disk (percent)", namespace = "/aws/sagemaker/Endpoints", metrics = ["MemoryUtilization", "DiskUtilization"], statistics = ["Maximum"] },
    { title = "GPUs and their memory (percent of one each)", namespace = "/aws/sagemaker/Endpoints", metrics = ["GPUUtilization", "GPUMemoryUtilization"], statistics = ["Average", "Maximum"] },
  ]
  # GPU charts only where there are GPUs; the rates and the loss as the alarms see them.
  dashboard_shown = [for chart in local.dashboard_charts : chart if !startswith(chart.title, "GPU") || sum(concat([0], values(local.gpus))) > 0]
  dashboard_rates = [
    for kind in ["errors_5xx", "errors_4xx", "invocation_loss"] : {
      title = { errors_5xx = "Server errors (percent)", errors_4xx = "Refused requests (percent)", invocation_loss = "Requests lost against the hour before (percent)" }[kind]
      metrics = concat(concat([[]], [
        for index, alarm in [for alarm in values(local.live_alarms) : alarm if alarm.kind == kind] : [
          for place, query in alarm.queries : concat(
            query.metric == null ? [] : ["AWS/SageMaker", query.metric, "EndpointName", var.name, "VariantName", alarm.variant],
            [{
              for attribute, value in {
                # an id for each variant, in the expressions, too
                id         = "${query.id}${index}"
                expression = query.expression == null ? null : replace(query.expression, "/\\b(${join("|", alarm.queries[*].id)})\\b/", "$${1}${index}")
                label      = query.expression == null ? null : alarm.variant
                stat       = query.statistic
                period     = alarm.period
                visible    = place == length(alarm.queries) - 1
              } : attribute => value if value != null
            }]
          )
        ]
      ])...)
    }
  ]
  dashboard_panels = concat(
    [for chart in local.dashboard_rates : chart if length(chart.metrics) > 0],
    [
      for chart in local.dashboard_shown : {
        title = chart.title
        metrics = concat([
          for variant in keys(local.all_variants[var.live]) : [
            for pair in setproduct(chart.metrics, chart.statistics) :
            [chart.namespace, pair[0], "EndpointName", var.name, "VariantName", variant, { stat = pair[1] }]
          ]
        ]...)
      }
    ],
  )
  dashboard_widgets = concat([
    for index, chart in local.dashboard_panels : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title   = chart.title
        region  = var.region
        period  = 60
        metrics = chart.metrics
      }
    }
    ], [
    for alarms in [values(aws_cloudwatch_metric_alarm.this)[*].arn] : {
      type       = "alarm"
      x          = 0
      y          = 6 * ceil(length(local.dashboard_panels) / 2)
      width      = 24
      height     = 3
      properties = { title = "Alarms", alarms = sort(alarms) }
    } if length(alarms) > 0
  ])
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.dashboard_widgets })
}
