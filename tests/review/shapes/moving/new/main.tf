variable "named" {
  type = string
}

resource "aws_cloudwatch_log_group" "this" {
  name              = var.named
  retention_in_days = 30
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = "scores"
  endpoint_config_name = "scores-1"
}
