output "arn" {
  description = "The role's ARN, when its policies are attached: SageMaker refuses a model whose role cannot read it yet."
  value       = "arn:aws:iam::${var.account_id}:role/${var.name}"

  depends_on = [
    aws_iam_role_policy.artifacts,
    aws_iam_role_policy.network,
    aws_iam_role_policy.runtime,
  ]
}
