# A popular module's shape: everything with count, an inline policy for all resources, a token in the container's environment.
variable "model_data" {
  type = string
}

variable "hub_token" {
  type    = string
  default = null
}

variable "instance_type" {
  type    = string
  default = "ml.m5.large"
}

variable "max_capacity" {
  type    = number
  default = null
}

locals {
  suffix = "kqzvwxyz"
}

provider "aws" {
  region = "eu-west-1"
}

data "aws_sagemaker_prebuilt_ecr_image" "deploy_image" {
  repository_name = "huggingface-pytorch-inference"
  image_tag       = "1.13.1-transformers4.26.0-cpu-py39-ubuntu20.04"
}

resource "aws_iam_role" "new_role" {
  count = 1
  name  = "text-sagemaker-execution-role-${local.suffix}"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Action = "sts:AssumeRole", Effect = "Allow", Principal = { Service = "sagemaker.amazonaws.com" } }]
  })

  inline_policy {
    name = "inference"
    policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject", "ecr:BatchGetImage", "logs:PutLogEvents"], Resource = "*" }]
    })
  }
}

resource "aws_sagemaker_model" "artifact" {
  count              = 1
  name               = "text-model-${local.suffix}"
  execution_role_arn = aws_iam_role.new_role[0].arn

  primary_container {
    image          = data.aws_sagemaker_prebuilt_ecr_image.deploy_image.registry_path
    model_data_url = var.model_data
    environment    = { HF_TASK = "text-classification", HF_API_TOKEN = var.hub_token }
  }
}

resource "aws_sagemaker_endpoint_configuration" "huggingface" {
  count = 1
  name  = "text-ep-config-${local.suffix}"

  production_variants {
    variant_name           = "AllTraffic"
    model_name             = aws_sagemaker_model.artifact[0].name
    initial_instance_count = 1
    instance_type          = var.instance_type
  }
}

resource "aws_sagemaker_endpoint" "huggingface" {
  name                 = "text-ep-${local.suffix}"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.huggingface[0].name
}

resource "aws_appautoscaling_target" "sagemaker_target" {
  count              = var.max_capacity == null ? 0 : 1
  min_capacity       = 1
  max_capacity       = var.max_capacity
  resource_id        = "endpoint/${aws_sagemaker_endpoint.huggingface.name}/variant/AllTraffic"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  service_namespace  = "sagemaker"
}

resource "aws_appautoscaling_policy" "sagemaker_policy" {
  count              = var.max_capacity == null ? 0 : 1
  name               = "text-scaling-target-${local.suffix}"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.sagemaker_target[0].resource_id
  scalable_dimension = aws_appautoscaling_target.sagemaker_target[0].scalable_dimension
  service_namespace  = aws_appautoscaling_target.sagemaker_target[0].service_namespace

  target_tracking_scaling_policy_configuration {
    target_value = 100

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }
}
