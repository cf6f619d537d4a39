# What keeps a deployment from widening itself, whatever is attached to its role later: it makes roles only below the
# workload boundary, and touches neither deployment roles nor boundaries nor identity providers.
locals {
  deployment = {
    AllowServicesInUse = {
      effect = "Allow"
      actions = [
        "application-autoscaling:*",
        "cloudwatch:*",
        "ecr:*",
        "iam:*",
        "kms:*",
        "lambda:*",
        "logs:*",
        "s3:*",
        "sagemaker:*",
        "sns:*",
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
        { test = "StringNotEquals", variable = "iam:PermissionsBoundary", values = ["${local.iam}:policy/${local.prefix}-workload"] },
      ]
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
        "iam:Update*",
      ]
      resources = [
        "${local.iam}:oidc-provider/*",
        "${local.iam}:policy/*",
        "${local.iam}:role/${local.prefix}-deploy-foundation",
        "${local.iam}:role/${local.prefix}-deploy-serving",
        "${local.iam}:role/${local.prefix}-plan",
        "${local.iam}:role/${local.prefix}-promote",
        "${local.iam}:saml-provider/*",
      ]
      conditions = []
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
  }
}
