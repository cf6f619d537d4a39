locals {
  bucket_arn = "arn:aws:s3:::${var.artifact_store.bucket}"
  here       = "${var.region}:${var.account_id}" # of ARNs

  readable_prefixes = concat(["releases/${var.model}/"], var.training == null ? [] : ["datasets/${var.model}/", "training/"])
  writable_prefixes = concat(["async/", "capture/"], var.training == null ? [] : ["training/"])

  training_inputs = try(var.training.inputs, {})
  network         = var.network == null ? {} : { this = var.network }
}
