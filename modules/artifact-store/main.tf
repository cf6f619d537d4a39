locals {
  arn = "arn:aws:s3:::${var.name}"

  readers = length(var.reader_role_arns) == 0 ? {} : { readers = var.reader_role_arns }
  pruners = length(var.pruner_role_arns) == 0 ? {} : { pruners = var.pruner_role_arns }

  immutable_objects = [for prefix in sort(var.immutable_prefixes) : "${local.arn}/${prefix}*"]
  readable_objects  = [for prefix in sort(var.readable_prefixes) : "${local.arn}/${prefix}*"]

  expiring = {
    capture  = { prefix = "capture/", expiration_days = var.retention.capture_days }
    training = { prefix = "training/", expiration_days = var.retention.training_days }
  }
}
