locals {
  prefix = "${var.project}-${var.environment}"
  here   = "${var.region}:${var.account_id}" # of ARNs
  iam    = "arn:aws:iam::${var.account_id}"

  permissions = {
    workload   = local.workload
    deployment = local.deployment
    queue      = local.queue
  }
}
