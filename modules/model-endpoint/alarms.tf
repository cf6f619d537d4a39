locals {
  live_alarms = merge([
    for variant, settings in local.live.variants : {
      for kind, alarm in {
        # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html: latencies are in microseconds, a request
        # counts 0 or 1 in the error metrics. Asynchronous endpoints publish no Invocations and no OverheadLatency:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
        errors_5xx = {
          setting = var.alarms.errors_5xx, threshold = var.alarms.errors_5xx.threshold_percent
          meaning = "the model or the platform answers with server errors (percent of requests)"
          queries = concat(local.rate_queries["Invocation5XXErrors"], [{
            id = "rate", expression = "IF(requests >= ${var.alarms.errors_5xx.min_requests}, 100 * errors / requests, 0)"
          }])
        }
        errors_4xx = {
          setting = var.alarms.errors_4xx, threshold = var.alarms.errors_4xx.threshold_percent
          meaning = "callers' requests are refused (percent of requests), as happens when a model stops accepting what they send"
          queries = concat(local.rate_queries["Invocation4XXErrors"], [{
            id = "rate", expression = "IF(requests >= ${var.alarms.errors_4xx.min_requests}, 100 * errors / requests, 0)"
          }])
        }
        model_latency_p99 = {
          setting = var.alarms.model_latency_p99, threshold = var.alarms.model_latency_p99.threshold_ms * 1000
          meaning = "the model itself answers slowly"
          metric  = { namespace = "AWS/SageMaker", name = "ModelLatency", statistic = "p99" }
        }
        overhead_latency_p99 = local.asynchronous ? null : {
          setting = var.alarms.overhead_latency_p99, threshold = var.alarms.overhead_latency_p99.threshold_ms * 1000
          meaning = "SageMaker adds much time around the model, as with overlarge requests or too few instances"
          metric  = { namespace = "AWS/SageMaker", name = "OverheadLatency", statistic = "p99" }
        }
        # DIFF subtracts the period before, and a period is an hour. FILL: an hour without any request is no missing data.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
        invocation_loss = local.asynchronous ? null : {
          setting = merge(var.alarms.invocation_loss, { period_s = 3600, periods = 1 }), threshold = var.alarms.invocation_loss.threshold_percent
          meaning = "callers have gone (percent less requests in the last hour than in the hour before)"
          queries = [
            { id = "requests", metric = "Invocations", statistic = "Sum" },
            { id = "now", expression = "FILL(requests, 0)" },
            { id = "before", expression = "now - DIFF(now)" },
            { id = "loss", expression = "IF(before >= ${var.alarms.invocation_loss.min_requests}, 100 * (before - now) / before, 0)" },
          ]
        }
        # per cent of one processor or GPU each, in sum; the worst instance for what kills it when it is full
        cpu = settings.instance_type == null ? null : {
          setting = var.alarms.cpu, threshold = var.alarms.cpu.threshold_percent * local.processors[variant]
          meaning = "processors are busy (percent of one, of ${local.processors[variant]})"
          metric  = { namespace = "/aws/sagemaker/Endpoints", name = "CPUUtilization", statistic = "Average" }
        }
        memory = settings.instance_type == null ? null : {
          setting = var.alarms.memory, threshold = var.alarms.memory.threshold_percent
          meaning = "the memory of an instance fills up (percent)"
          metric  = { namespace = "/aws/sagemaker/Endpoints", name = "MemoryUtilization", statistic = "Maximum" }
        }
        disk = settings.instance_type == null ? null : {
          setting = var.alarms.disk, threshold = var.alarms.disk.threshold_percent
          meaning = "the disk of an instance fills up (percent)"
          metric  = { namespace = "/aws/sagemaker/Endpoints", name = "DiskUtilization", statistic = "Maximum" }
        }
        gpu = local.gpus[variant] == 0 ? null : {
          setting = var.alarms.gpu, threshold = var.alarms.gpu.threshold_percent * local.gpus[variant]
          meaning = "GPUs are busy (percent of one, of ${local.gpus[variant]})"
          metric  = { namespace = "/aws/sagemaker/Endpoints", name = "GPUUtilization", statistic = "Average" }
        }
        gpu_memory = local.gpus[variant] == 0 ? null : {
          setting = var.alarms.gpu_memory, threshold = var.alarms.gpu_memory.threshold_percent * local.gpus[variant]
          meaning = "the memory of the GPUs fills up (percent of one, of ${local.gpus[variant]})"
          metric  = { namespace = "/aws/sagemaker/Endpoints", name = "GPUMemoryUtilization", statistic = "Maximum" }
        }
        } : "${variant}/${kind}" => {
        variant   = variant
        kind      = kind
        meaning   = alarm.meaning
        threshold = alarm.threshold
        period    = alarm.setting.period_s
        periods   = alarm.setting.periods
        metric    = try(alarm.metric, null)
        queries   = [for query in try(alarm.queries, []) : merge({ metric = null, statistic = null, expression = null }, query)]
        rolls     = contains(var.alarms.rolls_back, kind)
      } if try(alarm.setting.enabled, false)
    }
  ]...)

  # The average of the error metrics is the rate, and their sample count the number of requests, also where Invocations is
  # not published; requests are then counted as AWS documents it.
  rate_queries = {
    for metric in ["Invocation4XXErrors", "Invocation5XXErrors"] : metric => [
      { id = "errors", metric = metric, statistic = "Sum" },
      local.asynchronous ? { id = "requests", metric = metric, statistic = "SampleCount" } : { id = "requests", metric = "Invocations", statistic = "Sum" },
    ]
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
  asynchronous = try(local.live.asynchronous, null) != null

  rollback_alarm_names = setunion(
    [aws_cloudwatch_metric_alarm.abort.alarm_name],
    # a return to what was live must not be undone by the alarm that made it necessary
    var.returning ? [] : [for key, alarm in local.live_alarms : aws_cloudwatch_metric_alarm.this[key].alarm_name if alarm.rolls],
    var.returning ? [] : var.alarms.additional_names,
  )
}

# One alarm for each kind and each variant of the live revision. Names hold no revision: an alarm lives through
# promotions, so that a deployment is judged by an alarm that has history. They tell nobody: the composite does, once.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.live_alarms

  alarm_name          = "${var.name}-${each.value.variant}-${replace(each.value.kind, "_", "-")}"
  alarm_description   = "Endpoint ${var.name}, variant ${each.value.variant}: ${each.value.meaning}.${each.value.rolls ? " A deployment that is under way is rolled back." : ""}"
  namespace           = try(each.value.metric.namespace, null)
  metric_name         = try(each.value.metric.name, null)
  dimensions          = each.value.metric == null ? null : { EndpointName = var.name, VariantName = each.value.variant }
  statistic           = try(startswith(each.value.metric.statistic, "p") ? null : each.value.metric.statistic, null)
  extended_statistic  = try(startswith(each.value.metric.statistic, "p") ? each.value.metric.statistic : null, null)
  period              = each.value.metric == null ? null : each.value.period
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching" # no traffic is no failure

  dynamic "metric_query" {
    for_each = each.value.queries
    iterator = query

    content {
      id          = query.value.id
      expression  = query.value.expression
      label       = query.value.id
      return_data = query.key == length(each.value.queries) - 1

      dynamic "metric" {
        for_each = query.value.metric[*]

        content {
          namespace   = "AWS/SageMaker"
          metric_name = metric.value
          dimensions  = { EndpointName = var.name, VariantName = each.value.variant }
          period      = each.value.period
          stat        = query.value.statistic
        }
      }
    }
  }

  lifecycle {
    # The endpoint and the composite must let go of an alarm before the alarm goes.
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

# What people hear of: one message when the first kind rings, one when the last is quiet again. Ten kinds on ten variants
# are the 100 alarms that a rule takes.
resource "aws_cloudwatch_composite_alarm" "this" {
  count = length(local.live_alarms) > 0 ? 1 : 0

  alarm_name        = "${var.name}-alarms"
  alarm_description = "Endpoint ${var.name}: at least one of its alarms rings. Look at the single ones, which name variant and kind."
  alarm_rule        = join(" OR ", [for alarm in values(aws_cloudwatch_metric_alarm.this) : "ALARM(\"${alarm.alarm_name}\")"])
  alarm_actions     = var.notification_topic_arns
  ok_actions        = var.notification_topic_arns
}
