# Before a refactoring: ../moved takes both into a module, ../forgotten lets go of one.
variable "named" {
  type    = string
  default = "scores"
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_cloudwatch_log_group" "scores" {
  name              = var.named
  retention_in_days = 30
}

resource "aws_sagemaker_endpoint" "scores" {
  name                 = "scores"
  endpoint_config_name = "scores-1"
}
