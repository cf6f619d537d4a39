module "endpoint" {
  source = "../../modules/model-endpoint"
  count  = local.deployed ? 1 : 0

  alarms                  = var.alarms
  autoscaling             = var.autoscaling
  dashboard               = var.dashboard
  deployment              = var.deployment
  deployment_overrides    = var.deployment_overrides
  live                    = var.live
  name                    = local.endpoint_name
  notification_topic_arns = compact([local.foundation.notification_topic_arn])
  region                  = local.env.region
  returning               = var.returning
  revisions               = var.revisions
}
