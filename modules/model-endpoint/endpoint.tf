locals {
  # What each strategy does when `deployment` leaves a number out. The README prints this table.
  deployment_profiles = {
    all_at_once = { percent = 100, wait_s = 0, termination_wait_s = 300 }
    canary      = { percent = 10, wait_s = 300, termination_wait_s = 300 }
    linear      = { percent = 25, wait_s = 120, termination_wait_s = 300 }
    rolling     = { percent = 25, wait_s = 120, termination_wait_s = 0 }
  }
  deployment_profile = local.deployment_profiles[var.deployment.strategy]
  deployment = {
    percent            = coalesce(var.deployment.percent, local.deployment_profile.percent)
    wait_s             = coalesce(var.deployment.wait_s, local.deployment_profile.wait_s)
    termination_wait_s = coalesce(var.deployment.termination_wait_s, local.deployment_profile.termination_wait_s)
  }
  deployment_waits = {
    all_at_once = 0
    canary      = 1
    linear      = ceil(100 / local.deployment.percent)
    rolling     = ceil(100 / local.deployment.percent)
  }
  deployment_wait_s = local.deployment_waits[var.deployment.strategy] * local.deployment.wait_s + local.deployment.termination_wait_s
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this[var.live].name

  deployment_config {
    dynamic "blue_green_update_policy" {
      for_each = var.deployment.strategy == "rolling" ? [] : [local.deployment]
      iterator = policy

      content {
        maximum_execution_timeout_in_seconds = var.deployment.max_s
        termination_wait_in_seconds          = policy.value.termination_wait_s

        traffic_routing_configuration {
          type                     = upper(var.deployment.strategy)
          wait_interval_in_seconds = policy.value.wait_s

          dynamic "canary_size" {
            for_each = var.deployment.strategy == "canary" ? [policy.value.percent] : []

            content {
              type  = "CAPACITY_PERCENT"
              value = canary_size.value
            }
          }

          dynamic "linear_step_size" {
            for_each = var.deployment.strategy == "linear" ? [policy.value.percent] : []

            content {
              type  = "CAPACITY_PERCENT"
              value = linear_step_size.value
            }
          }
        }
      }
    }

    dynamic "rolling_update_policy" {
      for_each = var.deployment.strategy == "rolling" ? [local.deployment] : []
      iterator = policy

      content {
        maximum_execution_timeout_in_seconds = var.deployment.max_s
        wait_interval_in_seconds             = policy.value.wait_s

        maximum_batch_size {
          type  = "CAPACITY_PERCENT"
          value = policy.value.percent
        }
      }
    }

    # Always here: adding or removing this block replaces the endpoint, changing the names inside does not.
    auto_rollback_configuration {
      dynamic "alarms" {
        for_each = setunion(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name, var.alarms.additional_names)

        content {
          alarm_name = alarms.value
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.deployment_wait_s <= 3000
      error_message = "endpoint ${var.name}: this ${var.deployment.strategy} deployment waits ${local.deployment_wait_s} seconds in all, and Terraform stops waiting for an endpoint after 3600. Lower deployment.wait_s or termination_wait_s, or raise percent, to 3000 seconds at most."
    }

    precondition {
      condition     = var.deployment.max_s > local.deployment_wait_s
      error_message = "endpoint ${var.name}: deployment.max_s is ${var.deployment.max_s} and the waits alone take ${local.deployment_wait_s} seconds, so SageMaker would give up on every deployment. Raise max_s or lower the waits."
    }

    # SageMaker reports InService after it rolled a deployment back by itself: on the old config. Without this check
    # the apply would succeed, and go on to destroy what the endpoint still serves.
    postcondition {
      condition     = self.endpoint_config_name == aws_sagemaker_endpoint_configuration.this[var.live].name
      error_message = "endpoint ${var.name} was rolled back: it serves config ${self.endpoint_config_name}, wanted is ${aws_sagemaker_endpoint_configuration.this[var.live].name} (revision ${var.live}). Nothing after this was changed. Move `live` back to the revision that is served, apply, and read the alarms of this endpoint before the next attempt."
    }
  }
}
