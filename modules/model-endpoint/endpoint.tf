resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this[var.live].name

  deployment_config {
    dynamic "blue_green_update_policy" {
      for_each = local.deployment.strategy == "rolling" ? [] : [local.deployment]
      iterator = policy

      content {
        maximum_execution_timeout_in_seconds = local.deployment.max_s
        termination_wait_in_seconds          = policy.value.termination_wait_s

        traffic_routing_configuration {
          type                     = upper(local.deployment.strategy)
          wait_interval_in_seconds = policy.value.wait_s

          dynamic "canary_size" {
            for_each = local.deployment.strategy == "canary" ? [policy.value.percent] : []

            content {
              type  = "CAPACITY_PERCENT"
              value = canary_size.value
            }
          }

          dynamic "linear_step_size" {
            for_each = local.deployment.strategy == "linear" ? [policy.value.percent] : []

            content {
              type  = "CAPACITY_PERCENT"
              value = linear_step_size.value
            }
          }
        }
      }
    }

    dynamic "rolling_update_policy" {
      for_each = local.deployment.strategy == "rolling" ? [local.deployment] : []
      iterator = policy

      content {
        maximum_execution_timeout_in_seconds = local.deployment.max_s
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
        for_each = local.rollback_alarm_names

        content {
          alarm_name = alarms.value
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition = try(
        local.deployment.percent >= local.deployment_bounds[local.deployment.strategy].least &&
        local.deployment.percent <= local.deployment_bounds[local.deployment.strategy].most,
      false)
      error_message = "endpoint ${var.name}: ${local.deployment_words} moves ${local.deployment.percent} percent. A canary takes 1 to 50 percent of capacity, a linear step 10 to 50, a rolling batch 5 to 50; all_at_once takes none. Set deployment_overrides.percent accordingly, or leave it out."
    }

    precondition {
      condition     = local.deployment.strategy != "all_at_once" || local.deployment.wait_s == 0
      error_message = "endpoint ${var.name}: all_at_once has no steps to wait between. Leave deployment_overrides.wait_s out; termination_wait_s is its bake."
    }

    # AWS takes 0; a step that nobody looks at is all_at_once under another name.
    precondition {
      condition     = local.deployment.strategy == "all_at_once" || local.deployment.wait_s >= 60
      error_message = "endpoint ${var.name}: ${local.deployment_words} waits ${local.deployment.wait_s} seconds after a step, and SageMaker's metrics come once a minute. Set deployment_overrides.wait_s to 60 or more."
    }

    precondition {
      condition     = local.deployment.strategy != "rolling" || local.deployment.termination_wait_s == 0
      error_message = "endpoint ${var.name}: a rolling deployment replaces instances in place and keeps none to terminate. Leave deployment_overrides.termination_wait_s out; wait_s is its bake."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    precondition {
      condition     = local.deployment.strategy != "rolling" || (length(local.live.variants) == 1 && length(local.live.shadow_variants) == 0)
      error_message = "endpoint ${var.name}: a rolling deployment takes exactly one variant and no shadow, and revision ${var.live} has ${join(", ", keys(local.all_variants[var.live]))}. Set deployment to standard, gradual or instant."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html: real-time and asynchronous endpoints only
    precondition {
      condition     = local.deployment.strategy == "all_at_once" || alltrue([for settings in values(local.live.variants) : settings.serverless == null])
      error_message = "endpoint ${var.name}: revision ${var.live} is serverless, and SageMaker moves serverless variants in one step only. Set deployment = \"instant\"."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    precondition {
      condition = local.deployment.strategy == "all_at_once" || alltrue([
        for settings in values(local.live.variants) : !startswith(coalesce(settings.instance_type, "-"), "ml.inf1.")
      ])
      error_message = "endpoint ${var.name}: on ml.inf1 instances SageMaker silently falls back to all_at_once without a bake. Set deployment = \"instant\", so that the plan says what will happen."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RollingUpdatePolicy.html: a batch is half of the instances at most
    precondition {
      condition     = local.deployment.strategy != "rolling" || alltrue([for settings in values(local.live.variants) : try(settings.initial_instance_count >= 2, true)])
      error_message = "endpoint ${var.name}: a rolling deployment replaces at most half of the instances at a time, and revision ${var.live} has one. Give it two or more, or set deployment to standard."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AutoRollbackConfig.html
    precondition {
      condition     = var.returning || contains(range(2, 11), 1 + length([for alarm in values(local.live_alarms) : alarm if alarm.rolls]) + length(var.alarms.additional_names))
      error_message = "endpoint ${var.name}: SageMaker takes 10 rollback alarms at most, and one that nobody rings is no guard. There are the abort alarm, ${length([for alarm in values(local.live_alarms) : alarm if alarm.rolls])} of the kinds in alarms.rolls_back on ${length(local.live.variants)} variants, and ${length(var.alarms.additional_names)} additional ones. Name at least one kind, and so few that all make at most ten."
    }

    # An alarm that needs longer than the bake says nothing about the new release.
    precondition {
      condition = var.returning || min(concat([86400], [
        for alarm in values(local.live_alarms) : alarm.period * alarm.periods if alarm.rolls
      ], length(var.alarms.additional_names) > 0 ? [0] : [])...) <= local.deployment_wait_s
      error_message = "endpoint ${var.name}: ${local.deployment_words} is watched for ${local.deployment_wait_s} seconds in all, and no alarm that rolls back can ring so soon. Raise wait_s or termination_wait_s in deployment_overrides, or lower period_s or periods of an alarm."
    }

    # The rate is the whole variant's: a part of the traffic that fails entirely shows as its share.
    precondition {
      condition = local.deployment.strategy == "all_at_once" || !contains(var.alarms.rolls_back, "errors_5xx") || !var.alarms.errors_5xx.enabled || (
        var.alarms.errors_5xx.threshold_percent < local.deployment.percent
      )
      error_message = "endpoint ${var.name}: alarms.errors_5xx rings from ${var.alarms.errors_5xx.threshold_percent} percent on, and ${local.deployment_words} sends ${local.deployment.percent} percent to the new release at first: even if all of these failed, the alarm would stay quiet. Lower the threshold below ${local.deployment.percent}."
    }

    # Forward only: moving back to a revision with other variants must stay possible, and SageMaker decides on it.
    precondition {
      condition     = local.deployment.strategy == "all_at_once" || try(keys(var.revisions[local.live.replaces].variants) == keys(local.live.variants), true)
      error_message = "endpoint ${var.name}: revision ${var.live} has other variant names than ${try(coalesce(local.live.replaces), "the one before")}, and traffic cannot be moved step by step between them. Keep the names, or set deployment = \"instant\" for this promotion."
    }

    precondition {
      condition     = local.deployment_wait_s <= 3000
      error_message = "endpoint ${var.name}: ${local.deployment_words} waits ${local.deployment_wait_s} seconds in all, and Terraform stops waiting for an endpoint after 3600. Lower wait_s or termination_wait_s in deployment_overrides, or raise percent, to 3000 seconds at most."
    }

    precondition {
      condition     = local.deployment.max_s > local.deployment_wait_s
      error_message = "endpoint ${var.name}: ${local.deployment_words} may take ${local.deployment.max_s} seconds and its waits alone take ${local.deployment_wait_s}, so SageMaker would give up on every deployment. Raise deployment_overrides.max_s or lower the waits."
    }

    # SageMaker reports InService after it rolled a deployment back by itself: on the old config. Without this check
    # the apply would succeed, and go on to destroy what the endpoint still serves.
    postcondition {
      condition     = self.endpoint_config_name == aws_sagemaker_endpoint_configuration.this[var.live].name
      error_message = "endpoint ${var.name} was rolled back: it serves config ${self.endpoint_config_name}, wanted is ${aws_sagemaker_endpoint_configuration.this[var.live].name} (revision ${var.live}). Nothing after this was changed. Move `live` back to the revision that is served, apply, and read the alarms of this endpoint before the next attempt."
    }
  }
}
