output "alarm_names" {
  description = "Names of all alarms."
  value       = sort(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name)
}

output "queue" {
  description = "What the glue needs: name, table, address of submit, topic, the queues' URLs, and where history lies in the artifact store."
  value = {
    name            = local.name
    table           = aws_dynamodb_table.this.name
    submit_url      = aws_lambda_function_url.submit.function_url
    submit_function = aws_lambda_function.this["submit"].function_name
    topic_arn       = module.topic.arn
    queues          = merge({ for name, queue in aws_sqs_queue.dead : name => queue.url }, { for name, queue in aws_sqs_queue.live : name => queue.url })
    history_prefix  = local.history_prefix
  }

  depends_on = [aws_lambda_event_source_mapping.ends, aws_scheduler_schedule.this]
}

output "role_arns" {
  description = "ARNs of the roles of functions and schedules, by name; known at plan time, so that other policies may name them."
  value       = { for name in keys(local.permissions) : name => "arn:aws:iam::${var.account_id}:role/${local.name}-${name}" }

  depends_on = [aws_iam_role_policy.this]
}
