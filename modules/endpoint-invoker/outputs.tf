output "alias_arn" {
  description = "ARN that callers invoke: the alias `live`."
  value       = aws_lambda_alias.live.arn
  depends_on  = [aws_lambda_permission.invoke, aws_lambda_provisioned_concurrency_config.live]
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.this.arn
}

output "url" {
  description = "HTTPS address of the function; null without one."
  value       = one(aws_lambda_function_url.live[*].function_url)
  depends_on  = [aws_lambda_permission.url]
}
