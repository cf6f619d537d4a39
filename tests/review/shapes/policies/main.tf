# One role, whose policies are given as JSON: what a change of a policy means is what these plans are about.
variable "policy" {
  type = string
}

variable "trust" {
  type    = string
  default = null
}

variable "boundary" {
  type    = string
  default = null
}

variable "managed" {
  description = "ARNs of managed policies that are attached."
  type        = set(string)
  default     = []
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_iam_role" "app" {
  name                 = "app"
  permissions_boundary = var.boundary
  assume_role_policy = coalesce(var.trust, jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Principal = { Service = "ecs-tasks.amazonaws.com" }, Action = "sts:AssumeRole" }
  }))
}

resource "aws_iam_role_policy" "app" {
  name   = "app"
  role   = aws_iam_role.app.id
  policy = var.policy
}

resource "aws_iam_role_policy_attachment" "managed" {
  for_each = var.managed

  role       = aws_iam_role.app.name
  policy_arn = each.value
}
