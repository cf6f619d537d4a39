locals {
  # "/aws/sagemaker/Endpoints" holds what an instance uses, "AWS/SageMaker" what callers see.
  dashboard_charts = [
    { title = "Invocations", namespace = "AWS/SageMaker", metrics = ["Invocations"], statistics = ["Sum"] },
    { title = "Invocations per instance", namespace = "AWS/SageMaker", metrics = ["InvocationsPerInstance"], statistics = ["Sum"] },
    { title = "Errors", namespace = "AWS/SageMaker", metrics = ["Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors"], statistics = ["Sum"] },
    { title = "Model latency (microseconds)", namespace = "AWS/SageMaker", metrics = ["ModelLatency"], statistics = ["p50", "p99"] },
    { title = "Overhead latency (microseconds)", namespace = "AWS/SageMaker", metrics = ["OverheadLatency"], statistics = ["p50", "p99"] },
    { title = "Processor and memory (percent)", namespace = "/aws/sagemaker/Endpoints", metrics = ["CPUUtilization", "MemoryUtilization"], statistics = ["Average"] },
  ]
  dashboard_widgets = [
    for index, chart in local.dashboard_charts : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title  = chart.title
        region = var.region
        period = 60
        metrics = concat([
          for variant in keys(local.all_variants[var.live]) : [
            for pair in setproduct(chart.metrics, chart.statistics) :
            [chart.namespace, pair[0], "EndpointName", var.name, "VariantName", variant, { stat = pair[1] }]
          ]
        ]...)
      }
    }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.dashboard_widgets })
}
