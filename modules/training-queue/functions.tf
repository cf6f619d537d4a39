locals {
  # `concurrency`: reserved for it; null shares the account's. Launch and sweep work alone, or budgets and the two lists a second
  # that SageMaker answers would be kept by each for itself; each job is launched once all the same.
  functions = {
    submit = {
      role    = "submit", handler = "queue_submit.handle", timeout_s = 30, memory_mb = 512, concurrency = null
      purpose = "takes jobs, and says what is wrong with them"
    }
    launch = {
      role    = "launch", handler = "queue_launch.handle", timeout_s = 55, memory_mb = 512, concurrency = var.concurrency.launch
      purpose = "launches jobs that are due, by priority and fair share"
    }
    monitor = {
      role    = "monitor", handler = "queue_monitor.handle", timeout_s = 60, memory_mb = 512, concurrency = null
      purpose = "decides what follows from SageMaker's events"
    }
    sweep = {
      role    = "monitor", handler = "queue_monitor.sweep", timeout_s = 600, memory_mb = 512, concurrency = var.concurrency.sweep
      purpose = "finds jobs whose events got lost"
    }
    finish = {
      role    = "finish", handler = "queue_finish.handle", timeout_s = 60, memory_mb = 512, concurrency = null
      purpose = "tells of ended jobs, and keeps their history"
    }
    # It unpacks and hashes the model's archive: 1,769 MB are one whole processor.
    release = {
      role    = "release", handler = "queue_release.handle", timeout_s = 900, memory_mb = 1769, concurrency = null
      purpose = "makes releases of completed jobs"
    }
  }

  zipped = var.package.type == "zip"
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50: a run reports what it did as metrics and in its log; a trace would say the same and cost more
  #checkov:skip=CKV_AWS_117: they talk to services of AWS only, which are public and authenticated
  #checkov:skip=CKV_AWS_116: what calls them asynchronously has its failures queue in aws_lambda_function_event_invoke_config
  #checkov:skip=CKV_AWS_272: the package is built from this repository, byte for byte, and its hash is in the plan
  #checkov:skip=CKV_AWS_115: reserved where it is right, for launch and sweep; for others it would take capacity from all
  #checkov:skip=CKV_AWS_45: the settings hold names, budgets and prices; a URL among them looks like a key to the check
  #checkov:skip=CKV_AWS_173: the settings hold names, budgets and prices, and no secret
  for_each = local.functions

  function_name                  = "${local.name}-${each.key}"
  description                    = "The training queue ${local.name}: ${each.value.purpose}."
  role                           = aws_iam_role.this[each.value.role].arn
  package_type                   = local.zipped ? "Zip" : "Image"
  filename                       = local.zipped ? var.package.path : null
  source_code_hash               = local.zipped ? filebase64sha256(var.package.path) : null
  handler                        = local.zipped ? each.value.handler : null
  runtime                        = local.zipped ? "python3.11" : null
  image_uri                      = local.zipped ? null : var.package.image_uri
  architectures                  = ["arm64"]
  memory_size                    = each.value.memory_mb
  timeout                        = each.value.timeout_s
  reserved_concurrent_executions = each.value.concurrency

  dynamic "image_config" {
    for_each = local.zipped ? [] : [each.value.handler]

    content {
      command = [image_config.value]
    }
  }

  environment {
    variables = {
      QUEUE_SETTINGS = jsonencode(merge(local.settings, { artifact_key_arn = var.artifact_store.key_arn }))
    }
  }

  # Without its policy a function's first runs would be refusals; without its group Lambda would make one.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]

  lifecycle {
    # 4,096 bytes for all variables: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    # The key's ARN, which AWS gives later, has some 100.
    precondition {
      condition     = length(jsonencode(local.settings)) <= 3800
      error_message = "The training queue ${local.name}: its settings have ${length(jsonencode(local.settings))} characters, and Lambda takes 3800 of them. Name fewer instance_types, or fewer inputs of models."
    }
  }
}

# Made here and not by Lambda: a group that Lambda makes keeps everything for ever.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158: the group is encrypted with CloudWatch's own key; job documents are not logged
  #checkov:skip=CKV_AWS_338: what happened to a job is in the table and its history, so that a year is a setting and no default
  for_each = local.functions

  name              = "/aws/lambda/${local.name}-${each.key}"
  retention_in_days = var.log_retention_days
}

# Calls that wait for no answer. What comes every minute anyway is not tried again, and is gone when the function is busy; a
# scheduled job is tried again, and then kept.
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = {
    launch = { age_s = 60, attempts = 0, destination = null }
    submit = { age_s = 6 * 3600, attempts = 2, destination = local.queue_arn["failures"] }
    sweep  = { age_s = 60, attempts = 0, destination = null }
  }

  function_name                = aws_lambda_function.this[each.key].function_name
  maximum_event_age_in_seconds = each.value.age_s
  maximum_retry_attempts       = each.value.attempts

  dynamic "destination_config" {
    for_each = each.value.destination[*]

    content {
      on_failure {
        destination = destination_config.value
      }
    }
  }

  depends_on = [aws_sqs_queue.dead]
}

# HTTPS for whoever may invoke it: every request is signed, and IAM decides.
resource "aws_lambda_function_url" "submit" {
  function_name      = aws_lambda_function.this["submit"].function_name
  authorization_type = "AWS_IAM"
}

# People repair by this alias only, so that the function knows that what it is told is a wish and no record of the stream.
resource "aws_lambda_alias" "repair" {
  name             = "repair"
  description      = "Writes the history of ended jobs again, from the table."
  function_name    = aws_lambda_function.this["finish"].function_name
  function_version = "$LATEST"
}
