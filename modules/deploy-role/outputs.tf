output "arn" {
  description = "The role's ARN; known at plan time."
  value       = "${local.iam}:role/${local.name}"

  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy_attachment.queue]
}
