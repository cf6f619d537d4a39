# Both branches of each option, and what the role may do.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/slipway-qa-ranker-monitor" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:slipway-qa-ranker-monitor" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:222222222222:rule/slipway-qa-ranker-monitor" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name           = "slipway-qa-ranker-monitor"
  endpoint       = "ranker"
  endpoint_arn   = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker"
  artifact_store = { bucket = "slipway-qa-artifacts-222222222222", key_alias = "alias/slipway-qa-artifacts" }
  models         = ["ranker"]
  package_path   = "./src/monitor.py" # any file: the mocked provider opens none
}

run "defaults" {
  command = plan

  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      BUCKET        = "slipway-qa-artifacts-222222222222", ENDPOINT = "ranker", ENDPOINT_NAME = "slipway-qa-ranker", LABEL_WINDOW_MINUTES = "1440",
      MOST_REQUESTS = "100000", SMALLEST_LABELS = "100", SMALLEST_ROWS = "500", WINDOW_MINUTES = "1440"
    })
    error_message = "the function knows its endpoint, its store and its windows"
  }
  assert {
    condition     = aws_lambda_function.this.handler == "monitor.handle" && aws_lambda_function.this.runtime == "python3.11" && aws_lambda_function.this.source_code_hash == filebase64sha256("./src/monitor.py")
    error_message = "the handler runs on Python 3.11, and the plan holds the package's hash"
  }
  assert {
    condition     = aws_cloudwatch_event_rule.this.schedule_expression == "rate(60 minutes)" && aws_lambda_permission.schedule.principal == "events.amazonaws.com" && aws_lambda_permission.schedule.source_arn == "arn:aws:events:eu-west-1:222222222222:rule/slipway-qa-ranker-monitor"
    error_message = "the schedule calls it every hour"
  }
  assert {
    condition     = join(" ", output.alarm_names) == "slipway-qa-ranker-drift slipway-qa-ranker-monitor-failed slipway-qa-ranker-quality slipway-qa-ranker-unknown"
    error_message = "alarms are ${join(" ", output.alarm_names)}"
  }
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.failed]) :
      alarm.period == 3600 && alarm.treat_missing_data == "notBreaching" && length(alarm.alarm_actions) == 0
    ])
    error_message = "no data is no alarm, and an alarm looks at one run"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["drift"].threshold == 0.25 && aws_cloudwatch_metric_alarm.this["drift"].dimensions == tomap({ EndpointName = "slipway-qa-ranker" })
    error_message = "drift rings above 0.25"
  }
}

run "role_reads_this_endpoint_and_writes_reports" {
  command = plan

  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.monitor.statement : statement.sid => join(" ", sort(statement.resources)) }) == jsonencode({
      AskWhatIsLive                  = "arn:aws:sagemaker:eu-west-1:222222222222:endpoint-config/slipway-qa-ranker-* arn:aws:sagemaker:eu-west-1:222222222222:endpoint/slipway-qa-ranker arn:aws:sagemaker:eu-west-1:222222222222:model/slipway-qa-ranker-*"
      ReadRequestsLabelsAndBaselines = "arn:aws:s3:::slipway-qa-artifacts-222222222222/capture/ranker/* arn:aws:s3:::slipway-qa-artifacts-222222222222/feedback/ranker/* arn:aws:s3:::slipway-qa-artifacts-222222222222/releases/ranker/*/baseline.json"
      ListThem                       = "arn:aws:s3:::slipway-qa-artifacts-222222222222"
      WriteReports                   = "arn:aws:s3:::slipway-qa-artifacts-222222222222/monitoring/ranker/*"
      UseArtifactKeyThroughS3        = "arn:aws:kms:eu-west-1:222222222222:key/*"
      PublishDrift                   = "*"
      WriteOwnLogs                   = "arn:aws:logs:eu-west-1:222222222222:log-group:/aws/lambda/slipway-qa-ranker-monitor:log-stream:*"
    })
    error_message = "the role's resources are others than this endpoint's"
  }
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.monitor.statement : length(statement.condition) == lookup({ ListThem = 1, UseArtifactKeyThroughS3 = 2, PublishDrift = 1 }, statement.sid, 0)
    ])
    error_message = "listing is bound to prefixes, the key to S3 and its alias, metrics to their namespace"
  }
  assert {
    condition     = aws_iam_role.this.permissions_boundary == null && [for principal in data.aws_iam_policy_document.trust.statement[0].principals : principal.identifiers][0] == toset(["lambda.amazonaws.com"])
    error_message = "only Lambda assumes the role"
  }
}

run "example_minimal" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = length(output.alarm_names) == 4
    error_message = "alarms are ${join(" ", output.alarm_names)}"
  }
}

run "example_complete" {
  module {
    source = "./examples/complete"
  }

  assert {
    condition     = join(" ", output.alarm_names) == "slipway-production-ranker-drift slipway-production-ranker-monitor-failed slipway-production-ranker-quality"
    error_message = "only the chosen ones are made: ${join(" ", output.alarm_names)}"
  }
}
