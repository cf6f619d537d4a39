# Without create_before_destroy, and with one name for ever: what a copied example does.
variable "instance_type" {
  type    = string
  default = "ml.m5.large"
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_sagemaker_endpoint_configuration" "config" {
  name = "recommendation-endpoint-config"

  production_variants {
    variant_name           = "default"
    model_name             = "recommendation-model"
    instance_type          = var.instance_type
    initial_instance_count = 1
  }
}

resource "aws_sagemaker_endpoint" "endpoint" {
  name                 = "recommendation-endpoint"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.config.name
}
