# What calls the functions by itself: SageMaker's events by way of a queue, releases to make, and the table's stream.
locals {
  ended = ["Completed", "Failed", "Stopped"]

  # https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
  event_pattern = {
    source = ["aws.sagemaker"]
    detail-type = [
      "SageMaker HyperParameter Tuning Job State Change",
      "SageMaker Processing Job State Change",
      "SageMaker Training Job State Change",
    ]
    detail = {
      "$or" = [
        { HyperParameterTuningJobStatus = local.ended },
        { ProcessingJobStatus = local.ended },
        { TrainingJobStatus = local.ended },
      ]
    }
  }

  # Into the end, from anywhere else; and items that their time to live removed, which only DynamoDB itself does.
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
  finish_filters = [
    {
      eventName = ["MODIFY"]
      dynamodb  = { NewImage = { JobStatus = { S = local.ended } }, OldImage = { JobStatus = { S = ["Launched", "New"] } } }
    },
    { eventName = ["REMOVE"], userIdentity = { type = ["Service"], principalId = ["dynamodb.amazonaws.com"] } },
  ]
}

resource "aws_cloudwatch_event_rule" "ended" {
  name          = "${local.name}-events"
  description   = "Jobs of SageMaker that ended, for the training queue ${local.name}."
  event_pattern = jsonencode(local.event_pattern)
}

resource "aws_cloudwatch_event_target" "ended" {
  rule      = aws_cloudwatch_event_rule.ended.name
  target_id = "events"
  arn       = local.queue_arn["events"]

  depends_on = [aws_sqs_queue.live]
}

# Of names, as far as they have any: so a plan knows which mapping is meant, and finds one that a killed run has left.
resource "aws_lambda_event_source_mapping" "events" {
  event_source_arn                   = local.queue_arn["events"]
  function_name                      = local.function_arn["monitor"]
  batch_size                         = 10
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.concurrency.monitor
  }

  depends_on = [aws_lambda_function.this, aws_sqs_queue.live]
}

resource "aws_lambda_event_source_mapping" "releases" {
  event_source_arn        = local.queue_arn["releases"]
  function_name           = local.function_arn["release"]
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.concurrency.release
  }

  depends_on = [aws_lambda_function.this, aws_sqs_queue.live]
}

resource "aws_lambda_event_source_mapping" "ends" {
  event_source_arn                   = aws_dynamodb_table.this.stream_arn
  function_name                      = aws_lambda_function.this["finish"].arn
  starting_position                  = "TRIM_HORIZON" # jobs may have ended before this is made
  batch_size                         = 25
  maximum_batching_window_in_seconds = 1
  maximum_retry_attempts             = 5
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]

  filter_criteria {
    dynamic "filter" {
      for_each = local.finish_filters

      content {
        pattern = jsonencode(filter.value)
      }
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead["failures"].arn
    }
  }
}

# Instead of waiting for the next minute. The stream's two readers are then taken: AWS advises no more for a shard.
resource "aws_lambda_event_source_mapping" "submissions" {
  count = var.launch_on_submit ? 1 : 0

  event_source_arn                   = aws_dynamodb_table.this.stream_arn
  function_name                      = aws_lambda_function.this["launch"].arn
  starting_position                  = "LATEST"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 5
  maximum_retry_attempts             = 2 # the schedule comes anyway

  filter_criteria {
    filter {
      pattern = jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { JobStatus = { S = ["New"] } } } })
    }
  }
}
