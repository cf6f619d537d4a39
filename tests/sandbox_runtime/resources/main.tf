# One of each resource that the runtime answers for: applied, planned again, changed, planned again, destroyed.
terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "archive" {
  type    = string
  default = "one"
}

variable "bucket" {
  type = string
}

variable "image" {
  type = string
}

variable "package" {
  type = string
}

variable "role" {
  type = string
}

variable "timeout" {
  type    = number
  default = 5
}

resource "aws_sagemaker_model" "this" {
  name                     = "listed-${var.archive}"
  execution_role_arn       = var.role
  enable_network_isolation = true

  primary_container {
    image          = var.image
    model_data_url = "s3://${var.bucket}/${var.archive}.tar.gz"
    environment    = { COLOUR = "green" }
  }

  tags = { archive = var.archive }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  name = "listed-${var.archive}"

  production_variants {
    variant_name                                      = "main"
    model_name                                        = aws_sagemaker_model.this.name
    instance_type                                     = "ml.g6e.xlarge"
    initial_instance_count                            = 2
    initial_variant_weight                            = 3
    container_startup_health_check_timeout_in_seconds = 120
  }

  shadow_production_variants {
    variant_name           = "dark"
    model_name             = aws_sagemaker_model.this.name
    instance_type          = "ml.c7i.large"
    initial_instance_count = 2
    initial_variant_weight = 1
  }

  data_capture_config {
    enable_capture              = true
    initial_sampling_percentage = 50
    destination_s3_uri          = "s3://${var.bucket}/capture"

    capture_options {
      capture_mode = "Input"
    }

    capture_options {
      capture_mode = "Output"
    }

    capture_content_type_header {
      json_content_types = ["application/json"]
    }
  }

  tags = { archive = var.archive }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "listed-errors"
  namespace           = "AWS/SageMaker"
  metric_name         = "Invocation5XXErrors"
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 1
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = "listed"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this.name

  deployment_config {
    blue_green_update_policy {
      termination_wait_in_seconds          = 60
      maximum_execution_timeout_in_seconds = 1200

      traffic_routing_configuration {
        type                     = "CANARY"
        wait_interval_in_seconds = 60

        canary_size {
          type  = "INSTANCE_COUNT"
          value = 1
        }
      }
    }

    auto_rollback_configuration {
      alarms {
        alarm_name = aws_cloudwatch_metric_alarm.errors.alarm_name
      }
    }
  }

  tags = { owner = "us" }
}

resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = "listed"
  model_package_group_description = "Releases"
  tags                            = { owner = "us" }
}

resource "aws_lambda_function" "this" {
  function_name    = "listed"
  description      = "Says what it hears."
  role             = var.role
  runtime          = "python3.11"
  handler          = "ask.handle"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  timeout          = var.timeout
  memory_size      = 256
  publish          = true

  reserved_concurrent_executions = 3

  dead_letter_config {
    target_arn = "arn:aws:sns:eu-west-1:222222222222:dead"
  }

  environment {
    variables = { COLOUR = "green" }
  }

  logging_config {
    log_format = "Text"
    log_group  = "/listed"
  }

  tags = { owner = "us" }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = 1
}

resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"
}

resource "aws_lambda_permission" "url" {
  statement_id           = "url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.this.function_name
  qualifier              = aws_lambda_alias.live.name
  principal              = "arn:aws:iam::444444444444:root"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "events" {
  statement_id  = "events"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = "arn:aws:events:eu-west-1:222222222222:rule/daily"
}
