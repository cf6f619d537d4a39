# It makes and changes, but deletes neither buckets nor keys nor repositories: what is lost with them, nobody can make again.
locals {
  deploy_foundation = merge(local.read_foundation, local.read_queue, local.read_parameter, local.list_states, local.record, local.share_plans["foundation"], {
    UseOwnState = {
      actions    = ["s3:GetObject", "s3:PutObject"]
      resources  = ["${local.states}/foundation.tfstate", "${local.states}/foundation.tfstate.tflock"]
      conditions = []
    }
    ReleaseOwnLock = {
      actions    = ["s3:DeleteObject"]
      resources  = ["${local.states}/foundation.tfstate.tflock"]
      conditions = []
    }
    MakeArtifactStore = {
      actions = [
        "s3:CreateBucket",
        "s3:PutBucketLogging",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
      ]
      resources  = [local.artifacts]
      conditions = []
    }
    MakeKeys = {
      actions    = ["kms:CreateKey"]
      resources  = ["*"] # the action knows no resource
      conditions = [local.tagged_own_root]
    }
    TagNewKeys = {
      actions    = ["kms:TagResource"]
      resources  = [local.keys]
      conditions = [local.tagged_own_root, local.of_no_other_root] # or a tag would make any key its own
    }
    ChangeOwnKeys = {
      actions = [
        "kms:CreateAlias",
        "kms:EnableKeyRotation",
        "kms:PutKeyPolicy",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
      ]
      resources  = [local.keys]
      conditions = [local.made_by_own_root]
    }
    NameOwnKeys = {
      actions = ["kms:CreateAlias", "kms:UpdateAlias"]
      resources = [
        "arn:aws:kms:${local.here}:alias/${local.prefix}-artifacts",
        "arn:aws:kms:${local.here}:alias/${local.prefix}-evidence",
        "arn:aws:kms:${local.here}:alias/${local.prefix}-notifications",
      ]
      conditions = []
    }
    MakeRepositories = {
      actions = [
        "ecr:CreateRepository",
        "ecr:PutImageScanningConfiguration",
        "ecr:PutImageTagMutability",
        "ecr:PutLifecyclePolicy",
        "ecr:TagResource",
        "ecr:UntagResource",
      ]
      resources  = [local.repositories]
      conditions = []
    }
    SetReplication = {
      actions    = ["ecr:DeleteRegistryPolicy", "ecr:PutRegistryPolicy", "ecr:PutReplicationConfiguration"]
      resources  = ["*"] # the registry is the account's only one and has no ARN
      conditions = []
    }
    LetRegistryReplicate = {
      actions   = ["iam:CreateServiceLinkedRole"]
      resources = ["${local.iam}:role/aws-service-role/replication.ecr.amazonaws.com/*"]
      conditions = [
        { test = "StringEquals", variable = "iam:AWSServiceName", values = ["replication.ecr.amazonaws.com"] },
      ]
    }
    MakeExecutionRoles = {
      actions    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      resources  = ["${local.iam}:role/${local.prefix}-*-execution"]
      conditions = [local.below_boundary]
    }
    ChangeExecutionRoles = {
      actions = [
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:ListInstanceProfilesForRole",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
      ]
      resources  = ["${local.iam}:role/${local.prefix}-*-execution"]
      conditions = []
    }
    MakeTopic = {
      actions    = ["sns:CreateTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
      resources  = ["arn:aws:sns:${local.here}:${local.prefix}-notifications*"]
      conditions = []
    }
    ChangeSubscriptions = {
      actions    = ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"]
      resources  = ["*"] # these actions know no resource
      conditions = []
    }
    MakeModelRegistry = {
      actions    = ["sagemaker:AddTags", "sagemaker:CreateModelPackageGroup", "sagemaker:DeleteModelPackageGroup", "sagemaker:DeleteTags"]
      resources  = ["arn:aws:sagemaker:${local.here}:model-package-group/${local.prefix}-*"]
      conditions = []
    }
    PublishParameter = {
      actions    = ["ssm:AddTagsToResource", "ssm:PutParameter", "ssm:RemoveTagsFromResource"]
      resources  = [local.parameter]
      conditions = []
    }
  })
}
