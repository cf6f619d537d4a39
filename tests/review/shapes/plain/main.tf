# One file, as most first endpoints are written: fixed names, or names that AWS ends (`name_prefix`), or none.
variable "name" {
  type    = string
  default = "fraud"
}

variable "naming" {
  type    = string
  default = "fixed" # fixed, prefix or time
}

variable "image" {
  type    = string
  default = "333333333333.dkr.ecr.eu-west-1.amazonaws.com/fraud:1"
}

variable "instance_type" {
  type    = string
  default = "ml.m5.xlarge"
}

variable "count_of" {
  type    = number
  default = 2
}

variable "guarded" {
  type    = bool
  default = false
}

variable "async" {
  type    = bool
  default = false
}

variable "serverless_memory" {
  type    = number
  default = null
}

variable "chain" {
  description = "Images after the first, as a serial pipeline."
  type        = list(string)
  default     = []
}

variable "scales" {
  type    = bool
  default = false
}

variable "endpoints" {
  type    = number
  default = 1
}

provider "aws" {
  region = "eu-west-1"
}

locals {
  config_name = { fixed = "${var.name}-config", prefix = null, time = "${var.name}-${formatdate("YYYYMMDDhhmmss", timestamp())}" }
}

resource "aws_sagemaker_model" "this" {
  name               = var.naming == "fixed" ? "${var.name}-model-${substr(sha256(join(",", concat([var.image], var.chain))), 0, 8)}" : null
  execution_role_arn = "arn:aws:iam::333333333333:role/sagemaker"

  dynamic "primary_container" {
    for_each = length(var.chain) == 0 ? [var.image] : []

    content {
      image          = primary_container.value
      model_data_url = "s3://fraud-models/model.tar.gz"
    }
  }

  dynamic "container" {
    for_each = length(var.chain) == 0 ? [] : concat([var.image], var.chain)

    content {
      image              = container.value
      container_hostname = "step-${container.key}"
      model_data_url     = "s3://fraud-models/step-${container.key}.tar.gz"
    }
  }

  dynamic "inference_execution_config" {
    for_each = length(var.chain) == 0 ? [] : ["Serial"]

    content {
      mode = inference_execution_config.value
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  name        = local.config_name[var.naming]
  name_prefix = var.naming == "prefix" ? "${var.name}-" : null

  production_variants {
    variant_name           = "AllTraffic"
    model_name             = aws_sagemaker_model.this.name
    initial_variant_weight = 1
    instance_type          = var.serverless_memory == null ? var.instance_type : null
    initial_instance_count = var.serverless_memory == null ? var.count_of : null

    dynamic "serverless_config" {
      for_each = var.serverless_memory[*]

      content {
        memory_size_in_mb = serverless_config.value
        max_concurrency   = 10
      }
    }
  }

  dynamic "async_inference_config" {
    for_each = var.async ? [1] : []

    content {
      client_config {
        max_concurrent_invocations_per_instance = 4
      }

      output_config {
        s3_output_path  = "s3://fraud-models/out/"
        s3_failure_path = "s3://fraud-models/failed/"

        notification_config {
          error_topic   = "arn:aws:sns:eu-west-1:333333333333:failed"
          success_topic = "arn:aws:sns:eu-west-1:333333333333:done"
        }
      }
    }
  }
}

resource "aws_sagemaker_endpoint" "this" {
  count                = var.endpoints
  name                 = var.endpoints == 1 ? "${var.name}-endpoint" : "${var.name}-${count.index}"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this.name

  dynamic "deployment_config" {
    for_each = var.guarded ? [1] : []

    content {
      auto_rollback_configuration {
        alarms {
          alarm_name = "fraud-5xx"
        }
      }

      blue_green_update_policy {
        termination_wait_in_seconds          = 300
        maximum_execution_timeout_in_seconds = 1800

        traffic_routing_configuration {
          type                     = "LINEAR"
          wait_interval_in_seconds = 120

          linear_step_size {
            type  = "CAPACITY_PERCENT"
            value = 25
          }
        }
      }
    }
  }
}

resource "aws_appautoscaling_target" "this" {
  count              = var.scales ? 1 : 0
  min_capacity       = 2
  max_capacity       = 6
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this[0].name}/variant/AllTraffic"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  service_namespace  = "sagemaker"
}
