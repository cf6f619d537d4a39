locals {
  name   = "${local.prefix}-${var.access}"
  prefix = "${var.project}-${var.environment}"
  here   = "${var.region}:${var.account_id}" # of ARNs
  iam    = "arn:aws:iam::${var.account_id}"

  artifacts = "arn:aws:s3:::${local.prefix}-artifacts-${var.account_id}"
  states    = "arn:aws:s3:::${local.prefix}-tfstate-${var.account_id}"
  source    = var.promotes_from == null ? {} : { this = var.promotes_from }

  repositories = "arn:aws:ecr:${local.here}:repository/${var.project}/*"
  parameter    = "arn:aws:ssm:${local.here}:parameter/${var.project}/${var.environment}/foundation"
  registered   = ["arn:aws:sagemaker:${local.here}:model-package-group/${local.prefix}-*", "arn:aws:sagemaker:${local.here}:model-package/${local.prefix}-*"]
  topic        = "arn:aws:sns:${local.here}:${local.prefix}-notifications"
  keys         = "arn:aws:kms:${local.here}:key/*"

  # One table for each intent, in the file of its name. A statement without resources does not apply, and is left out.
  permissions = {
    plan              = local.plan
    deploy-foundation = local.deploy_foundation
    deploy-serving    = local.deploy_serving
    promote           = local.promote
    approve           = local.approve
    break-glass       = local.break_glass
    prune             = local.prune
    train             = local.train
  }
  statements = {
    for sid, statement in local.permissions[var.access] : sid => statement if length(statement.resources) > 0
  }

  # Seconds. An apply that shifts traffic step by step lasts up to 50 minutes, a promotion waits for it.
  session_seconds = {
    plan              = 3600
    deploy-foundation = 3600
    deploy-serving    = 14400
    promote           = 14400
    approve           = 3600
    break-glass       = 3600
    prune             = 3600
    train             = 3600
  }

  # Nobody else's word counts there: without principals of its own such a role would trust the whole account.
  needs_names = contains(["approve", "break-glass"], var.access)

  # A key's ARN is not known before KMS gives it; its alias is. Both conditions hold for every use of a bucket's key.
  # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
  through_sns      = { test = "StringEquals", variable = "kms:ViaService", values = ["sns.${var.region}.amazonaws.com"] }
  through_s3       = { test = "StringEquals", variable = "kms:ViaService", values = ["s3.${var.region}.amazonaws.com"] }
  of_artifact_key  = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = ["alias/${local.prefix}-artifacts"] }
  of_evidence_key  = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = ["alias/${local.prefix}-evidence"] }
  of_topic_key     = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = ["alias/${local.prefix}-notifications"] }
  of_state_key     = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = ["alias/${local.prefix}-tfstate"] }
  below_boundary   = { test = "StringEquals", variable = "iam:PermissionsBoundary", values = [var.workload_boundary_arn] }
  to_sagemaker     = { test = "StringEquals", variable = "iam:PassedToService", values = ["sagemaker.amazonaws.com"] }
  pending          = { test = "StringEquals", variable = "sagemaker:ModelApprovalStatus", values = ["PendingManualApproval"] }
  of_digests       = { test = "StringEquals", variable = "kms:MessageType", values = ["DIGEST"] }
  to_lambda        = { test = "StringEquals", variable = "iam:PassedToService", values = ["lambda.amazonaws.com"] }
  made_by_own_root = { test = "StringEquals", variable = "aws:ResourceTag/root", values = ["terraform/foundation"] }
  of_no_other_root = { test = "StringEqualsIfExists", variable = "aws:ResourceTag/root", values = ["terraform/foundation"] }
  tagged_own_root  = { test = "StringEquals", variable = "aws:RequestTag/root", values = ["terraform/foundation"] }
}
