locals {
  # Keyed `variant@instance_type`: SageMaker refuses to change the instance type of a variant that is a scalable target.
  # With this key a type change destroys the old target, updates the endpoint, and creates the new target, in one apply.
  # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
  scaled = {
    for variant, settings in var.autoscaling :
    "${variant}@${local.live.variants[variant].instance_type}" => merge(settings, { variant = variant })
  }
}

resource "aws_appautoscaling_target" "this" {
  for_each = local.scaled

  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  # from the resource, not from var.name: this is what orders the target around the endpoint's update
  resource_id  = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${each.value.variant}"
  min_capacity = each.value.min
  max_capacity = each.value.max
}

resource "aws_appautoscaling_policy" "invocations" {
  for_each = local.scaled

  name               = "${var.name}-${each.value.variant}-invocations"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.invocations_per_instance
    scale_in_cooldown  = each.value.scale_in_cooldown_s
    scale_out_cooldown = each.value.scale_out_cooldown_s

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }
}
