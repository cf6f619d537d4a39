output "arn" {
  description = "The topic's ARN; known at plan time."
  value       = local.arn

  depends_on = [aws_sns_topic.this]
}
