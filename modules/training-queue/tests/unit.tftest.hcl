# The real provider, offline: it computes policy documents itself, and a plan that creates asks AWS nothing.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

variables {
  project     = "slipway"
  environment = "stage"
  account_id  = "222222222222"
  region      = "eu-west-1"
  artifact_store = {
    bucket    = "slipway-stage-artifacts-222222222222"
    key_alias = "alias/slipway-stage-artifacts"
    key_arn   = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
  }
  models         = { ranker = {} }
  instance_types = { "ml.m5.large" = { budget = 4 } }
  package        = { path = "./versions.tf" } # any file: a plan opens none
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled && aws_dynamodb_table.this.point_in_time_recovery[0].enabled && aws_dynamodb_table.this.stream_view_type == "NEW_AND_OLD_IMAGES" && one(aws_dynamodb_table.this.ttl).attribute_name == "expires_at"
    error_message = "the table outlives mistakes, and tells of what its time to live removes"
  }
  assert {
    condition = { for index in aws_dynamodb_table.this.global_secondary_index : index.name => "${index.hash_key} ${index.range_key} ${index.projection_type}" } == {
      due = "due_shard due_key INCLUDE", open = "open_shard launched_at INCLUDE", history = "week submitted_at ALL"
    }
    error_message = "what is due, what runs, and everything by week"
  }
  assert {
    condition = jsonencode({ for name, function in aws_lambda_function.this : function.function_name => "${function.handler} ${function.timeout} ${function.reserved_concurrent_executions}" }) == jsonencode({
      slipway-stage-training-finish  = "queue_finish.handle 60 -1"
      slipway-stage-training-launch  = "queue_launch.handle 55 1"
      slipway-stage-training-monitor = "queue_monitor.handle 60 -1"
      slipway-stage-training-release = "queue_release.handle 900 -1"
      slipway-stage-training-submit  = "queue_submit.handle 30 -1"
      slipway-stage-training-sweep   = "queue_monitor.sweep 600 1"
    })
    error_message = "functions are ${jsonencode({ for name, function in aws_lambda_function.this : function.function_name => "${function.handler} ${function.timeout} ${function.reserved_concurrent_executions}" })}"
  }
  assert {
    condition = jsonencode(local.settings) == jsonencode({
      queue              = "slipway-stage-training", project = "slipway", environment = "stage", account_id = "222222222222", region = "eu-west-1"
      table              = "slipway-stage-training", bucket = "slipway-stage-artifacts-222222222222", topic_arn = "arn:aws:sns:eu-west-1:222222222222:slipway-stage-training"
      releases_queue_url = "https://sqs.eu-west-1.amazonaws.com/222222222222/slipway-stage-training-releases"
      history_days       = 400, launches_per_second = 5, instance_types = { "ml.m5.large" = { budget = 4, spot_budget = 0, usd_per_hour = null } }
      models             = { ranker = { inputs = [], network = null } }
    })
    error_message = "the functions' settings are ${jsonencode(local.settings)}"
  }
  assert {
    condition     = aws_lambda_function_url.submit.authorization_type == "AWS_IAM" && aws_lambda_alias.repair.function_version == "$LATEST"
    error_message = "requests are signed, and repairs have an address of their own"
  }
  assert {
    condition     = length(aws_lambda_event_source_mapping.submissions) == 0 && length(module.topic.arn) > 0 && length(aws_scheduler_schedule.this) == 2
    error_message = "nothing is on that nobody asked for"
  }
}

run "what_fails_is_kept_and_rings" {
  command = plan

  assert {
    condition     = { for name, queue in aws_sqs_queue.live : name => queue.visibility_timeout_seconds } == { events = 360, releases = 5400 }
    error_message = "a message stays hidden six times as long as its function may run"
  }
  assert {
    condition = { for name in ["events", "releases"] : name => jsondecode(aws_sqs_queue.dead["${name}_dead"].redrive_allow_policy) } == {
      events   = { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-west-1:222222222222:slipway-stage-training-events"] }
      releases = { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-west-1:222222222222:slipway-stage-training-releases"] }
    }
    error_message = "only its own queue sends its dead there"
  }
  assert {
    condition = { for name, config in aws_lambda_function_event_invoke_config.this : name => "${config.maximum_retry_attempts} ${config.maximum_event_age_in_seconds} ${length(config.destination_config)}" } == {
      launch = "0 60 0", submit = "2 21600 1", sweep = "0 60 0"
    }
    error_message = "what comes again anyway is not retried; a scheduled job is, and then kept"
  }
  assert {
    condition     = aws_lambda_event_source_mapping.ends.maximum_retry_attempts == 5 && aws_lambda_event_source_mapping.ends.bisect_batch_on_function_error && join(" ", aws_lambda_event_source_mapping.ends.function_response_types) == "ReportBatchItemFailures"
    error_message = "one poisoned record is found, and given up after five more attempts"
  }
  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.this : one(one(schedule.target).retry_policy).maximum_retry_attempts <= 5 && length(one(schedule.target).dead_letter_config) == 1])
    error_message = "each schedule has bounded retries and a queue for what it gives up"
  }
  assert {
    condition     = join(" ", [for name in output.alarm_names : trimprefix(name, "slipway-stage-training-")]) == "events-dead-not-empty failed-jobs failures-not-empty finish-errors finish-late launch-errors monitor-errors oldest-due release-errors releases-dead-not-empty submit-errors sweep-errors throttled"
    error_message = "alarms are ${join(" ", output.alarm_names)}"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["oldest-due"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["failures-not-empty"].threshold == 0
    error_message = "silence of launch is an alarm, and so is one dead letter"
  }
  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 8
    error_message = "the dashboard has eight pictures"
  }
}

run "events_come_from_the_rule_only" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.ended.event_pattern).detail["$or"][2] == { TrainingJobStatus = ["Completed", "Failed", "Stopped"] }
    error_message = "only ends are events"
  }
  assert {
    condition = one([for s in jsondecode(aws_sqs_queue.live["events"].policy).Statement : s if s.Effect == "Allow"]) == {
      Sid       = "LetTheRuleSend"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:eu-west-1:222222222222:slipway-stage-training-events"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:events:eu-west-1:222222222222:rule/slipway-stage-training-events" }
        StringEquals = { "aws:SourceAccount" = "222222222222" }
      }
    }
    error_message = "EventBridge sends for this rule, and nobody else"
  }
  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.dead), [aws_sqs_queue.live["releases"]]) : length([for s in jsondecode(queue.policy).Statement : s if s.Effect == "Allow"]) == 0])
    error_message = "the other queues let nobody in"
  }
}

run "roles_may_little" {
  command = plan

  assert {
    condition = { for name, policy in aws_iam_role_policy.this : name => join(" ", sort(distinct(flatten([for s in jsondecode(policy.policy).Statement : s.Action if !contains(["kms", "logs"], split(":", flatten([s.Action])[0])[0])])))) } == {
      finish   = "cloudwatch:PutMetricData dynamodb:DescribeStream dynamodb:GetItem dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams dynamodb:Query s3:ListBucket s3:PutObject sns:Publish sqs:SendMessage"
      launch   = "cloudwatch:PutMetricData dynamodb:GetItem dynamodb:Query dynamodb:UpdateItem iam:PassRole sagemaker:AddTags sagemaker:CreateHyperParameterTuningJob sagemaker:CreateProcessingJob sagemaker:CreateTrainingJob sagemaker:DescribeHyperParameterTuningJob sagemaker:DescribeProcessingJob sagemaker:DescribeTrainingJob"
      monitor  = "cloudwatch:PutMetricData dynamodb:GetItem dynamodb:Query dynamodb:UpdateItem sagemaker:DescribeHyperParameterTuningJob sagemaker:DescribeProcessingJob sagemaker:DescribeTrainingJob sagemaker:ListHyperParameterTuningJobs sagemaker:ListProcessingJobs sagemaker:ListTrainingJobs sagemaker:StopHyperParameterTuningJob sagemaker:StopProcessingJob sagemaker:StopTrainingJob sqs:DeleteMessage sqs:GetQueueAttributes sqs:ListMessageMoveTasks sqs:ReceiveMessage sqs:SendMessage sqs:StartMessageMoveTask"
      release  = "dynamodb:GetItem ecr:BatchGetImage ecr:DescribeImages ecr:PutImage s3:AbortMultipartUpload s3:GetBucketLocation s3:GetObject s3:GetObjectTagging s3:GetObjectVersion s3:ListBucket s3:ListBucketMultipartUploads s3:ListMultipartUploadParts s3:PutObject s3:PutObjectTagging sagemaker:AddTags sagemaker:CreateModelPackage sagemaker:DescribeModelPackage sagemaker:DescribeModelPackageGroup sagemaker:DescribeTrainingJob sagemaker:ListModelPackages sns:Publish sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage ssm:GetParameter"
      schedule = "lambda:InvokeFunction sqs:SendMessage"
      submit   = "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem sagemaker:StopHyperParameterTuningJob sagemaker:StopProcessingJob sagemaker:StopTrainingJob sqs:SendMessage"
    }
    error_message = "the roles may ${jsonencode({ for name, policy in aws_iam_role_policy.this : name => join(" ", sort(distinct(flatten([for s in jsondecode(policy.policy).Statement : s.Action if !contains(["kms", "logs"], split(":", flatten([s.Action])[0])[0])])))) })}"
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this["launch"].policy).Statement : [s.Resource, s.Condition] if s.Sid == "PassModelsRoles"][0] == [
      "arn:aws:iam::222222222222:role/slipway-stage-ranker-execution", { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
    ]
    error_message = "only the models' roles are passed, and only to SageMaker"
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this["launch"].policy).Statement : s.Condition if s.Sid == "LaunchJobs"][0] == {
      "ForAllValues:StringEquals" = { "sagemaker:InstanceTypes" = "ml.m5.large" }
      Null                        = { "sagemaker:InstanceTypes" = "false" }
      StringEquals                = { "aws:RequestTag/slipway:queue" = "slipway-stage-training" }
    }
    error_message = "jobs bear the queue's tag, and run on what has a budget"
  }
  assert {
    condition = alltrue(flatten([
      for policy in values(aws_iam_role_policy.this) : [
        for s in jsondecode(policy.policy).Statement : s.Condition == { StringEquals = { "aws:ResourceTag/slipway:queue" = "slipway-stage-training" } } if s.Sid == "StopOwnJobs"
      ]
    ]))
    error_message = "what the queue did not launch, nobody of it stops"
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["release"].policy).Statement : s.Condition if s.Sid == "RegisterReleases"][0] == { StringEquals = { "sagemaker:ModelApprovalStatus" = "PendingManualApproval" } }
    error_message = "approving is for people"
  }
  assert {
    condition = jsondecode(aws_iam_role.this["schedule"].assume_role_policy).Statement[0].Condition == {
      ArnEquals    = { "aws:SourceArn" = "arn:aws:scheduler:eu-west-1:222222222222:schedule-group/slipway-stage-training" }
      StringEquals = { "aws:SourceAccount" = "222222222222" }
    }
    error_message = "only this group's schedules assume the role"
  }
}

run "schedules_templates_and_subscribers" {
  command = plan

  variables {
    launch_on_submit = true
    schedules        = { nightly = { expression = "cron(0 3 * * ? *)", time_zone = "Europe/Zurich", template = "./examples/complete/nightly.yaml" } }
    subscribers      = { search = { protocol = "email", endpoint = "search@example.com", owners = ["search-team"], states = ["Failed"] } }
  }

  assert {
    condition     = strcontains(one(aws_scheduler_schedule.this["train-nightly"].target).input, "\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"")
    error_message = "the scheduler finds its own keyword: ${one(aws_scheduler_schedule.this["train-nightly"].target).input}"
  }
  assert {
    condition     = jsondecode(one(aws_scheduler_schedule.this["train-nightly"].target).input).template.id == "ranker-{date}" && aws_scheduler_schedule.this["train-nightly"].state == "ENABLED"
    error_message = "the template goes as it stands in its file"
  }
  assert {
    condition     = length(aws_lambda_event_source_mapping.submissions) == 1 && length([for s in jsondecode(aws_iam_role_policy.this["launch"].policy).Statement : s if s.Sid == "ReadSubmissions"]) == 1
    error_message = "launch reads the stream"
  }
}

run "without_reserved_concurrency_and_with_an_image" {
  command = plan

  variables {
    concurrency = {}
    package     = { type = "image", image_uri = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/training-queue@sha256:1111111111111111111111111111111111111111111111111111111111111111" }
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.reserved_concurrent_executions == -1 && function.package_type == "Image" && function.handler == null])
    error_message = "an account with little concurrency reserves none"
  }
  assert {
    condition     = join(" ", aws_lambda_function.this["sweep"].image_config[0].command) == "queue_monitor.sweep"
    error_message = "each function has its own command"
  }
}

run "example_minimal" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  variables {
    package_path = "./versions.tf"
  }

  assert {
    condition     = length(output.alarm_names) == 13
    error_message = "all alarms are on"
  }
}

run "example_complete" {
  command = plan

  module {
    source = "./examples/complete"
  }
}
