# A refactoring: what was at the root goes into a module, and one thing is imported, one forgotten.
variable "named" {
  type    = string
  default = "scores"
}

provider "aws" {
  region            = "eu-west-1"
  s3_use_path_style = true
}

resource "aws_cloudwatch_log_group" "scores" {
  name              = var.named
  retention_in_days = 30
}

resource "aws_sagemaker_endpoint" "scores" {
  name                 = "scores"
  endpoint_config_name = "scores-1"
}
