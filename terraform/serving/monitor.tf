module "monitor" {
  source = "../../modules/drift-monitor"
  count  = local.deployed && var.monitor != null ? 1 : 0

  alarms                  = var.monitor.alarms
  artifact_store          = { bucket = local.foundation.artifact_bucket, key_alias = "alias/${local.env.project}-${local.env.name}-artifacts" }
  boundary_arn            = local.boundary_arn
  drift                   = var.monitor.drift
  endpoint                = var.endpoint
  endpoint_arn            = local.endpoint_arn
  every_minutes           = var.monitor.every_minutes
  labels                  = var.monitor.labels
  log_retention_days      = var.monitor.log_retention_days
  memory_mb               = var.monitor.memory_mb
  models                  = distinct(compact(values(local.variants)[*].model))
  most_requests           = var.monitor.most_requests
  name                    = "${local.endpoint_name}-monitor"
  notification_topic_arns = compact([local.foundation.notification_topic_arn])
  package_path            = coalesce(var.monitor_package, "${path.root}/../../build/functions/drift-monitor.zip")
}

# A monitor without captured requests would find nothing for ever, and say so to nobody.
check "monitor_has_something_to_read" {
  assert {
    condition     = var.monitor == null || !local.deployed || try(var.revisions[var.live].data_capture != null, false)
    error_message = "endpoint ${var.endpoint}: monitor is on, and the live revision captures nothing. Set data_capture in serving, and render."
  }
}
