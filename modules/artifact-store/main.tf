locals {
  arn = "arn:aws:s3:::${var.name}"

  readers = length(var.reader_role_arns) == 0 ? {} : { readers = var.reader_role_arns }

  prunable = setintersection(var.immutable_prefixes, length(var.pruner_role_arns) == 0 ? toset([]) : var.prunable_prefixes)
  pruners  = length(local.prunable) == 0 ? {} : { pruners = var.pruner_role_arns }

  immutable_objects = [for prefix in sort(var.immutable_prefixes) : "${local.arn}/${prefix}*"]
  kept_objects      = [for prefix in sort(setsubtract(var.immutable_prefixes, local.prunable)) : "${local.arn}/${prefix}*"]
  prunable_objects  = [for prefix in sort(local.prunable) : "${local.arn}/${prefix}*"]
  readable_objects  = [for prefix in sort(var.readable_prefixes) : "${local.arn}/${prefix}*"]

  # What anybody may still need is not here: releases go by `slipway prune`, which knows the revisions; evidence and audit
  # records stay. variables.tf refuses an immutable prefix that one of these would expire.
  expiring = {
    async    = { prefix = "async/", expiration_days = var.retention.async_days, noncurrent_days = null }
    capture  = { prefix = "capture/", expiration_days = var.retention.capture_days, noncurrent_days = null }
    plans    = { prefix = "plans/", expiration_days = var.retention.plan_days, noncurrent_days = 1 } # gone, not only hidden
    training = { prefix = "training/", expiration_days = var.retention.training_days, noncurrent_days = null }
  }
}
