output "arn" {
  description = "The boundary's ARN; known at plan time."
  value       = "${local.iam}:policy/${local.prefix}-${var.bounds}"

  depends_on = [aws_iam_policy.this]
}
