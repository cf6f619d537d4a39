# Secrets where people put them: sensitive variables, nested, inside longer strings, in outputs, in a policy.
variable "token" {
  type      = string
  sensitive = true
}

variable "database" {
  type      = object({ user = string, password = string })
  sensitive = true
}

variable "release" {
  type    = string
  default = "1"
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_sagemaker_model" "this" {
  name               = "secretive-${var.release}"
  execution_role_arn = "arn:aws:iam::333333333333:role/sagemaker"

  primary_container {
    image       = "333333333333.dkr.ecr.eu-west-1.amazonaws.com/secretive:${var.release}"
    environment = { API_TOKEN = var.token, DATABASE_URL = "postgres://${var.database.user}:${var.database.password}@db/scores" }
  }
}

resource "aws_lambda_function" "this" {
  function_name = "secretive"
  role          = "arn:aws:iam::333333333333:role/score"
  handler       = "index.handler"
  runtime       = "python3.12"
  filename      = "${path.root}/function.zip"
  description   = "release ${var.release}"

  environment {
    variables = { TOKEN = var.token, RELEASE = var.release }
  }
}

resource "aws_ssm_parameter" "this" {
  name  = "/secretive/token"
  type  = "SecureString"
  value = "${var.token}-${var.release}"
}

resource "aws_sns_topic" "this" {
  name         = "secretive"
  display_name = "token ${nonsensitive(var.token)}"
}

resource "terraform_data" "this" {
  input = { list = [var.token, "plain"], map = { nested = { password = var.database.password } } }
}

output "connection" {
  value     = { url = "postgres://${var.database.user}:${var.database.password}@db/scores", release = var.release }
  sensitive = true
}

output "release" {
  value = var.release
}
