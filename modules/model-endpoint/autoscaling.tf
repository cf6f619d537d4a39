locals {
  # Keyed `variant@instance_type`: SageMaker refuses to change the instance type of a variant that is a scalable target.
  # With this key a type change destroys the old target, updates the endpoint, and creates the new target, in one apply.
  # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
  scaled = {
    for variant, settings in var.autoscaling :
    "${variant}@${local.live.variants[variant].instance_type}" => merge(settings, { variant = variant })
  }
  # What hangs on a target takes its id, which is the resource's, and goes and comes with it: AWS deletes both together.
  scaling_targets = merge(aws_appautoscaling_target.this, aws_appautoscaling_target.scheduled)

  # What besides invocations a policy keeps near its target. Of several policies the one that wants most instances wins.
  # https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
  tracked = merge([
    for key, settings in local.scaled : {
      for kind, tracking in {
        concurrency = { target = settings.concurrency_per_model, predefined = "SageMakerVariantConcurrentRequestsPerModelHighResolution", metric = null }
        cpu = {
          target = try(settings.cpu_percent * local.processors[settings.variant], null), predefined = null
          metric = {
            namespace  = "/aws/sagemaker/Endpoints", name = "CPUUtilization", unit = "Percent"
            dimensions = { EndpointName = var.name, VariantName = settings.variant }
          }
        }
        # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
        backlog = {
          target = settings.backlog_per_instance, predefined = null
          metric = { namespace = "AWS/SageMaker", name = "ApproximateBacklogSizePerInstance", unit = null, dimensions = { EndpointName = var.name } }
        }
      } : "${key}/${kind}" => merge(tracking, { key = key, kind = kind, settings = settings }) if tracking.target != null
    }
  ]...)

  scaling_schedules = merge([
    for key, settings in local.scaled : {
      for name, schedule in settings.schedules : "${key}/${name}" => merge(schedule, { key = key, name = name, variant = settings.variant })
    }
  ]...)
  from_zero = { for key, settings in local.scaled : key => settings if settings.min == 0 }
}

# Both kinds of target below are the same to AWS. Between them stands this: when a variant gets or loses its schedules, or
# the bounds of a scheduled one change, it is made anew, and so the old target is away before the new one comes.
resource "terraform_data" "scaling" {
  for_each = local.scaled

  triggers_replace = length(each.value.schedules) > 0 ? "scheduled ${each.value.min} to ${each.value.max}" : "not scheduled"
}

resource "aws_appautoscaling_target" "this" {
  for_each   = { for key, settings in local.scaled : key => settings if length(settings.schedules) == 0 }
  depends_on = [terraform_data.scaling]

  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  # from the resource, not from var.name: this is what orders the target around the endpoint's update
  resource_id  = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${each.value.variant}"
  min_capacity = each.value.min
  max_capacity = each.value.max
}

# A schedule moves the bounds of its target. Terraform lets it, and does not put them back at every apply.
resource "aws_appautoscaling_target" "scheduled" {
  for_each   = { for key, settings in local.scaled : key => settings if length(settings.schedules) > 0 }
  depends_on = [terraform_data.scaling]

  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${each.value.variant}"
  min_capacity       = each.value.min
  max_capacity       = each.value.max

  lifecycle {
    ignore_changes       = [min_capacity, max_capacity]
    replace_triggered_by = [terraform_data.scaling[each.key]]
  }
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = local.scaling_schedules

  name               = "${var.name}-${each.value.variant}-${each.value.name}"
  service_namespace  = aws_appautoscaling_target.scheduled[each.value.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.scheduled[each.value.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.scheduled[each.value.key].id
  schedule           = each.value.schedule
  timezone           = each.value.time_zone

  scalable_target_action {
    min_capacity = each.value.min
    max_capacity = each.value.max
  }
}

resource "aws_appautoscaling_policy" "invocations" {
  for_each = { for key, settings in local.scaled : key => settings if settings.invocations_per_instance != null }

  name               = "${var.name}-${each.value.variant}-invocations"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = local.scaling_targets[each.key].service_namespace
  scalable_dimension = local.scaling_targets[each.key].scalable_dimension
  resource_id        = local.scaling_targets[each.key].id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.invocations_per_instance
    scale_in_cooldown  = each.value.scale_in_cooldown_s
    scale_out_cooldown = each.value.scale_out_cooldown_s

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }
}

resource "aws_appautoscaling_policy" "tracking" {
  for_each = local.tracked

  name               = "${var.name}-${each.value.settings.variant}-${each.value.kind}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = local.scaling_targets[each.value.key].service_namespace
  scalable_dimension = local.scaling_targets[each.value.key].scalable_dimension
  resource_id        = local.scaling_targets[each.value.key].id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.target
    scale_in_cooldown  = each.value.settings.scale_in_cooldown_s
    scale_out_cooldown = each.value.settings.scale_out_cooldown_s

    dynamic "predefined_metric_specification" {
      for_each = each.value.predefined[*]

      content {
        predefined_metric_type = predefined_metric_specification.value
      }
    }

    dynamic "customized_metric_specification" {
      for_each = each.value.metric[*]
      iterator = metric

      content {
        namespace   = metric.value.namespace
        metric_name = metric.value.name
        statistic   = "Average"
        unit        = metric.value.unit

        dynamic "dimensions" {
          for_each = metric.value.dimensions

          content {
            name  = dimensions.key
            value = dimensions.value
          }
        }
      }
    }
  }
}
