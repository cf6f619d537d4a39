output "arn" {
  description = "ARN of the role, usable once its policy is attached."
  value       = aws_iam_role.this.arn
  depends_on  = [aws_iam_role_policy.invoke]
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}
