# The endpoint of ../moving is Terraform's no more, and lives on.
provider "aws" {
  region = "eu-west-1"
}

resource "aws_cloudwatch_log_group" "scores" {
  name              = "scores"
  retention_in_days = 30
}

removed {
  from = aws_sagemaker_endpoint.scores

  lifecycle {
    destroy = false
  }
}
