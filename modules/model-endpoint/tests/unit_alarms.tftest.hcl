# What the alarms look at, whom they tell, and which roll back.

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
    revisions               = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
    notification_topic_arns = ["arn:aws:sns:eu-west-1:222222222222:slipway-qa-notifications"]
  }

  assert {
    condition = keys(output.alarm_names) == [
      "main/cpu", "main/disk", "main/errors_4xx", "main/errors_5xx", "main/invocation_loss", "main/memory", "main/model_latency_p99", "main/overhead_latency_p99",
    ]
    error_message = "every kind is watched that an instance without GPU has: ${join(", ", keys(output.alarm_names))}"
  }
  assert {
    condition = toset(output.rollback_alarm_names) == toset([
      "slipway-qa-ranker-abort", "slipway-qa-ranker-main-errors-5xx", "slipway-qa-ranker-main-model-latency-p99", "slipway-qa-ranker-main-overhead-latency-p99",
    ])
    error_message = "hardware, lost callers and their mistakes are for people"
  }
  assert {
    condition = (
      { for query in aws_cloudwatch_metric_alarm.this["main/errors_5xx"].metric_query : query.id => query.expression if length(query.metric) == 0 } ==
      { rate = "IF(requests >= 10, 100 * errors / requests, 0)" }
    )
    error_message = "errors are a rate, and of ten requests or more"
  }
  assert {
    condition = (
      { for query in aws_cloudwatch_metric_alarm.this["main/errors_5xx"].metric_query : query.id => [one(query.metric).metric_name, one(query.metric).stat, one(query.metric).period] if query.id != "rate" } ==
      { errors = ["Invocation5XXErrors", "Sum", 60], requests = ["Invocations", "Sum", 60] }
    )
    error_message = "the rate is of invocations"
  }
  assert {
    condition = (
      [for query in aws_cloudwatch_metric_alarm.this["main/errors_5xx"].metric_query : query.id if query.return_data] == ["rate"] &&
      aws_cloudwatch_metric_alarm.this["main/errors_5xx"].period == null && aws_cloudwatch_metric_alarm.this["main/errors_5xx"].threshold == 2
    )
    error_message = "one query gives the alarm's value"
  }
  assert {
    condition = (
      { for query in aws_cloudwatch_metric_alarm.this["main/invocation_loss"].metric_query : query.id => query.expression if length(query.metric) == 0 } ==
      { now = "FILL(requests, 0)", before = "now - DIFF(now)", loss = "IF(before >= 100, 100 * (before - now) / before, 0)" }
    )
    error_message = "loss is against the hour before"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["main/model_latency_p99"].threshold == 1000000 && aws_cloudwatch_metric_alarm.this["main/model_latency_p99"].extended_statistic == "p99" && aws_cloudwatch_metric_alarm.this["main/model_latency_p99"].statistic == null
    error_message = "SageMaker reports latencies in microseconds"
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["main/cpu"].threshold == 180 && aws_cloudwatch_metric_alarm.this["main/cpu"].namespace == "/aws/sagemaker/Endpoints" &&
      aws_cloudwatch_metric_alarm.this["main/memory"].threshold == 90 && aws_cloudwatch_metric_alarm.this["main/memory"].statistic == "Maximum"
    )
    error_message = "an ml.m5.large has two processors, and CPUUtilization counts each to 100"
  }
  assert {
    condition = (
      aws_cloudwatch_composite_alarm.this[0].alarm_name == "slipway-qa-ranker-alarms" && aws_cloudwatch_composite_alarm.this[0].alarm_actions == toset(["arn:aws:sns:eu-west-1:222222222222:slipway-qa-notifications"]) &&
      length(split(" OR ", aws_cloudwatch_composite_alarm.this[0].alarm_rule)) == 8 && strcontains(aws_cloudwatch_composite_alarm.this[0].alarm_rule, "ALARM(\"slipway-qa-ranker-main-disk\")")
    )
    error_message = "people hear once, of any kind"
  }
  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.abort]) : alarm.alarm_actions == null && alarm.treat_missing_data == "notBreaching"])
    error_message = "the simple alarms tell nobody, and silence is no failure"
  }
}

run "settings" {
  command = plan

  variables {
    revisions = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
    alarms = {
      errors_5xx           = { enabled = false }
      errors_4xx           = { threshold_percent = 7, min_requests = 50, period_s = 300, periods = 1 }
      model_latency_p99    = { enabled = false }
      overhead_latency_p99 = { enabled = false }
      invocation_loss      = { enabled = false }
      cpu                  = { enabled = false }
      memory               = { enabled = false }
      disk                 = { enabled = false }
      rolls_back           = ["errors_4xx"]
      additional_names     = ["search-results-are-empty"]
    }
  }

  assert {
    condition     = keys(output.alarm_names) == ["main/errors_4xx"] && toset(output.rollback_alarm_names) == toset(["slipway-qa-ranker-abort", "slipway-qa-ranker-main-errors-4xx", "search-results-are-empty"])
    error_message = "each kind can be switched off, and each can roll back"
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["main/errors_4xx"].threshold == 7 && aws_cloudwatch_metric_alarm.this["main/errors_4xx"].evaluation_periods == 1 &&
      contains([for query in aws_cloudwatch_metric_alarm.this["main/errors_4xx"].metric_query : coalesce(query.expression, "-")], "IF(requests >= 50, 100 * errors / requests, 0)") &&
      alltrue([for query in aws_cloudwatch_metric_alarm.this["main/errors_4xx"].metric_query : one(query.metric).period == 300 if query.expression == null])
    )
    error_message = "the alarm takes its settings"
  }
}

run "nothing_for_people" {
  command = plan

  variables {
    revisions  = { "r1-0badcafe" = { variants = { main = run.fixtures.serverless } } }
    deployment = "instant"
    alarms = {
      errors_5xx           = { enabled = false }
      errors_4xx           = { enabled = false }
      model_latency_p99    = { enabled = false }
      overhead_latency_p99 = { enabled = false }
      invocation_loss      = { enabled = false }
      additional_names     = ["search-results-are-empty"]
    }
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0 && length(aws_cloudwatch_composite_alarm.this) == 0 && output.notification_alarm_name == null
    error_message = "serverless has no hardware to watch, and without alarms there is no composite"
  }
}

run "gpus" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = {
          a = merge(run.fixtures.first, { instance_type = "ml.g5.12xlarge" })
          b = merge(run.fixtures.first, { instance_type = "ml.g4dn.xlarge" })
        }
      }
    }
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["a/gpu"].threshold == 380 && aws_cloudwatch_metric_alarm.this["a/gpu_memory"].metric_name == "GPUMemoryUtilization" &&
      aws_cloudwatch_metric_alarm.this["b/gpu"].threshold == 95 && aws_cloudwatch_metric_alarm.this["a/cpu"].threshold == 4320
    )
    error_message = "an ml.g5.12xlarge has four GPUs and 48 processors, an ml.g4dn.xlarge one GPU"
  }
}

run "hardware" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = {
          for name, type in {
            a = "ml.p4d.24xlarge", b = "ml.p3.8xlarge", c = "ml.g6e.48xlarge", d = "ml.c5.18xlarge", e = "ml.c4.8xlarge", f = "ml.t2.medium", g = "ml.r8g.medium", h = "ml.inf2.xlarge"
          } : name => merge(run.fixtures.first, { instance_type = type })
        }
      }
    }
    alarms = { rolls_back = ["errors_5xx"] }
  }

  assert {
    condition     = values(local.gpus) == [8, 4, 8, 0, 0, 0, 0, 0] && values(local.processors) == [96, 32, 192, 72, 36, 2, 1, 4]
    error_message = "GPUs ${jsonencode(local.gpus)}, processors ${jsonencode(local.processors)}"
  }
}

# What rings because of the revision that is live must not stop the way back.
run "returning" {
  command = plan

  variables {
    deployment = "cautious"
    returning  = true
    revisions  = { "r1-0badcafe" = { variants = { main = run.fixtures.first } } }
    alarms     = { additional_names = ["search-results-are-empty"] }
  }

  assert {
    condition     = output.rollback_alarm_names == toset(["slipway-qa-ranker-abort"]) && length(aws_cloudwatch_metric_alarm.this) == 8
    error_message = "only an abort stops a return, and all alarms stay"
  }
  assert {
    condition     = local.deployment.strategy == "all_at_once" && local.deployment.wait_s == 0 && local.deployment.percent == 100
    error_message = "a return goes at once"
  }
}
