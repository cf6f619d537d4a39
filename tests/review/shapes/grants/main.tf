# Resource policies in the shapes of the key, registry and function modules: each may open to others.
variable "key_accounts" {
  type    = list(string)
  default = []
}

variable "registry_principal" {
  type    = string
  default = "arn:aws:iam::333333333333:root"
}

variable "function_principal" {
  type    = string
  default = "apigateway.amazonaws.com"
}

variable "url_auth" {
  type    = string
  default = null
}

variable "queue_principal" {
  type    = string
  default = "arn:aws:iam::333333333333:root"
}

variable "mutability" {
  type    = string
  default = "IMMUTABLE"
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_kms_key" "this" {
  description             = "models"
  deletion_window_in_days = 30
  enable_key_rotation     = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Sid = "Default", Effect = "Allow", Principal = { AWS = "arn:aws:iam::333333333333:root" }, Action = "kms:*", Resource = "*" }],
      [for account in var.key_accounts : { Sid = "Share${account}", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${account}:root" }, Action = ["kms:Decrypt", "kms:DescribeKey"], Resource = "*" }],
    )
  })
}

resource "aws_ecr_repository" "this" {
  name                 = "models"
  image_tag_mutability = var.mutability

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_repository_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Pull", Effect = "Allow", Principal = { AWS = var.registry_principal }, Action = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] }]
  })
}

resource "aws_lambda_function" "this" {
  function_name = "score"
  role          = "arn:aws:iam::333333333333:role/score"
  handler       = "index.handler"
  runtime       = "python3.12"
  filename      = "${path.root}/function.zip"
}

resource "aws_lambda_permission" "this" {
  statement_id  = "AllowCaller"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = var.function_principal
  source_arn    = var.function_principal == "*" ? null : "arn:aws:execute-api:eu-west-1:333333333333:abc123/*"
}

resource "aws_lambda_function_url" "this" {
  count              = var.url_auth == null ? 0 : 1
  function_name      = aws_lambda_function.this.function_name
  authorization_type = var.url_auth
}

resource "aws_sqs_queue" "this" {
  name = "scores"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = var.queue_principal }, Action = "sqs:SendMessage", Resource = "arn:aws:sqs:eu-west-1:333333333333:scores" }]
  })
}
