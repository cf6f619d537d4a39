# What keeps a deployment from widening itself, whatever is attached to its role later: it makes roles only below the
# workload boundary, and touches neither deployment roles nor boundaries nor identity providers.
locals {
  # What lies in other accounts is read at most, and with an organization's id only inside it. Keys that AWS does not give
  # for every resource must be there before they count, or an absent one would deny.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
  perimeter = merge(
    {
      DenyWritingToOtherAccounts = {
        effect = "Deny"
        actions = [
          "application-autoscaling:*",
          "cloudwatch:*",
          "dynamodb:*",
          "ecr:BatchDelete*",
          "ecr:Create*",
          "ecr:Delete*",
          "ecr:Put*",
          "ecr:Set*",
          "events:*",
          "iam:*",
          "kms:Create*",
          "kms:Delete*",
          "kms:Disable*",
          "kms:Enable*",
          "kms:Encrypt",
          "kms:GenerateDataKey*",
          "kms:Put*",
          "kms:ReEncrypt*",
          "kms:Schedule*",
          "kms:Sign",
          "kms:*Tag*",
          "kms:Update*",
          "lambda:*",
          "logs:*",
          "s3:Abort*",
          "s3:Create*",
          "s3:Delete*",
          "s3:Put*",
          "s3:Replicate*",
          "s3:Restore*",
          "sagemaker:*",
          "scheduler:*",
          "sns:*",
          "sqs:*",
          "ssm:*",
        ]
        resources = ["*"]
        conditions = [
          { test = "Null", variable = "aws:ResourceAccount", values = ["false"] },
          { test = "StringNotEquals", variable = "aws:ResourceAccount", values = [var.account_id] },
        ]
      }
    },
    { for id in var.organization_id[*] : "DenyOtherOrganizations" => {
      effect    = "Deny"
      actions   = ["*"]
      resources = ["*"]
      conditions = [
        { test = "Null", variable = "aws:ResourceOrgID", values = ["false"] },
        { test = "StringNotEquals", variable = "aws:ResourceOrgID", values = [id] },
      ]
    } },
  )

  deployment = merge(local.perimeter, {
    AllowServicesInUse = {
      effect = "Allow"
      actions = [
        "application-autoscaling:*",
        "cloudwatch:*",
        "dynamodb:*",
        "ecr:*",
        "events:*",
        "iam:*",
        "kms:*",
        "lambda:*",
        "logs:*",
        "s3:*",
        "sagemaker:*",
        "scheduler:*",
        "sns:*",
        "sqs:*",
        "ssm:*",
        "tag:Get*",
      ]
      resources  = ["*"] # a boundary grants nothing: the role itself says what exactly
      conditions = []
    }
    DenyRolesWithoutBoundary = {
      effect = "Deny"
      actions = [
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
      ]
      resources = ["*"]
      conditions = [
        {
          test     = "StringNotEquals"
          variable = "iam:PermissionsBoundary"
          values   = ["${local.iam}:policy/${local.prefix}-queue", "${local.iam}:policy/${local.prefix}-workload"]
        },
      ]
    }
    # The queue's boundary lets its functions start jobs: no other role is made below it.
    DenyQueueBoundaryToOthers = {
      effect  = "Deny"
      actions = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      resources = [
        "${local.iam}:role/${local.prefix}-*-caller-*",
        "${local.iam}:role/${local.prefix}-*-execution",
        "${local.iam}:role/${local.prefix}-*-invoker",
      ]
      conditions = [{ test = "StringEquals", variable = "iam:PermissionsBoundary", values = ["${local.iam}:policy/${local.prefix}-queue"] }]
    }
    DenyLiftingBoundaries = {
      effect     = "Deny"
      actions    = ["iam:DeleteRolePermissionsBoundary"]
      resources  = ["*"]
      conditions = []
    }
    DenyChangingDeployments = {
      effect = "Deny"
      actions = [
        "iam:Add*",
        "iam:Attach*",
        "iam:Create*",
        "iam:Delete*",
        "iam:Detach*",
        "iam:PassRole",
        "iam:Put*",
        "iam:Remove*",
        "iam:Set*",
        "iam:Tag*",
        "iam:Untag*",
        "iam:Update*",
      ]
      resources = [
        "${local.iam}:oidc-provider/*",
        "${local.iam}:policy/*",
        "${local.iam}:role/${local.prefix}-approve",
        "${local.iam}:role/${local.prefix}-break-glass",
        "${local.iam}:role/${local.prefix}-deploy-foundation",
        "${local.iam}:role/${local.prefix}-deploy-serving",
        "${local.iam}:role/${local.prefix}-plan",
        "${local.iam}:role/${local.prefix}-promote",
        "${local.iam}:role/${local.prefix}-prune",
        "${local.iam}:role/${local.prefix}-train",
        "${local.iam}:saml-provider/*",
      ]
      conditions = []
    }
    DenyChangingStateStore = {
      effect = "Deny"
      actions = [
        "s3:DeleteBucket*",
        "s3:DeleteObjectVersion",
        "s3:PutBucket*",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:PutReplicationConfiguration",
      ]
      resources = [
        "arn:aws:s3:::${local.prefix}-tfstate-${var.account_id}",
        "arn:aws:s3:::${local.prefix}-tfstate-${var.account_id}/*",
      ]
      conditions = []
    }
    # By alias: a tag can be put on a key, and a key of nobody has none.
    DenyChangingOtherKeys = {
      effect = "Deny"
      actions = [
        "kms:CreateAlias",
        "kms:DeleteAlias",
        "kms:Disable*",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
      ]
      resources = ["arn:aws:kms:${local.here}:key/*"]
      conditions = [
        {
          test     = "ForAnyValue:StringNotEquals"
          variable = "kms:ResourceAliases"
          values   = [for key in ["artifacts", "evidence", "notifications", "training", "training-table"] : "alias/${local.prefix}-${key}"]
        },
      ]
    }
    DenyPeople = {
      effect = "Deny"
      actions = [
        "iam:*AccessKey*",
        "iam:*Group*",
        "iam:*LoginProfile*",
        "iam:*User*",
        "iam:*VirtualMFADevice*",
      ]
      resources  = ["*"]
      conditions = []
    }
  })
}
