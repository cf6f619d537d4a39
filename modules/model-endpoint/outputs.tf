output "alarm_names" {
  description = "Names of the alarms that the module makes, by variant and kind."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.alarm_name }
}

output "arn" {
  description = "ARN of the endpoint, known when it is served and scaled as wanted."
  value       = aws_sagemaker_endpoint.this.arn
  depends_on  = [aws_appautoscaling_policy.invocations, aws_appautoscaling_policy.tracking, aws_appautoscaling_scheduled_action.this]
}

output "dashboard_name" {
  description = "Name of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "name" {
  description = "Name of the endpoint."
  value       = aws_sagemaker_endpoint.this.name
}

output "notification_alarm_name" {
  description = "Name of the composite alarm that tells people; null when every kind is off."
  value       = one(aws_cloudwatch_composite_alarm.this[*].alarm_name)
}

output "rollback_alarm_names" {
  description = "Names of the alarms that roll a deployment back."
  value       = local.rollback_alarm_names
}

output "truth" {
  description = "What Terraform wants: config and model names by revision, and the live ones. Not what is live: after a rollback by SageMaker only AWS knows that, so compare with DescribeEndpoint."
  value = {
    endpoint = var.name
    live     = var.live
    config   = local.config_names[var.live]
    configs  = local.config_names
    models = {
      for id, revision in var.revisions : id => {
        for variant in keys(local.all_variants[id]) :
        variant => local.model_names[local.model_keys["${id}/${variant}"]]
      }
    }
  }
}

output "weights" {
  description = "Weights of the live revision's variants by name, shadows not among them: usable when the endpoint serves them."
  value       = { for variant, settings in local.live.variants : variant => settings.weight }
  depends_on  = [aws_sagemaker_endpoint.this]
}
