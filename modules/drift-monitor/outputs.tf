output "alarm_names" {
  description = "Names of the alarms: on drift, on quality, on unknown features, and on the monitor's own failures."
  value       = sort(concat(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name, [aws_cloudwatch_metric_alarm.failed.alarm_name]))
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
  depends_on  = [aws_cloudwatch_event_target.this]
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.this.arn
}
