locals {
  # Every document of a schedule's template, as it stands in its file. JSON is YAML, too.
  templates = { for name, schedule in var.schedules : name => yamldecode(file(schedule.template)) }

  # jsonencode writes < and > as escapes, in which the scheduler would not find its own keyword.
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
  scheduled_at = "<aws.scheduler.scheduled-time>"
  scheduled = {
    for name, template in local.templates : name => replace(
      jsonencode({ template = template, scheduled_at = local.scheduled_at, schedule = name }),
      trim(jsonencode(local.scheduled_at), "\""),
      local.scheduled_at,
    )
  }

  # `tries`: how often the scheduler hands over, within `age_s`, before it puts the call into the failures queue.
  schedules = merge(
    {
      launch = { function = "launch", expression = "rate(1 minute)", zone = "UTC", enabled = true, input = "{}", tries = 2, age_s = 60 }
      sweep  = { function = "sweep", expression = "rate(15 minutes)", zone = "UTC", enabled = true, input = "{}", tries = 2, age_s = 600 }
    },
    {
      for name, schedule in var.schedules : "train-${name}" => {
        function = "submit", expression = schedule.expression, zone = schedule.time_zone, enabled = schedule.enabled
        input    = local.scheduled[name], tries = 5, age_s = 4 * 3600
      }
    },
  )
}

resource "aws_scheduler_schedule_group" "this" {
  name = local.name
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297: a template is in git and holds no secret; AWS's own key encrypts it
  for_each = local.schedules

  name                         = each.key
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = "Calls ${local.name}-${each.value.function}."
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.zone
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.this[each.value.function].arn
    role_arn = aws_iam_role.this["schedule"].arn
    input    = each.value.input

    dead_letter_config {
      arn = aws_sqs_queue.dead["failures"].arn
    }

    retry_policy {
      maximum_retry_attempts       = each.value.tries
      maximum_event_age_in_seconds = each.value.age_s
    }
  }

  # First the limits of calls without an answer, or the first minutes' calls would be kept for six hours.
  depends_on = [aws_iam_role_policy.this, aws_lambda_function_event_invoke_config.this]
}
