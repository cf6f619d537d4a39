# What Terraform reads to plan each root; shared by the intents.
locals {
  read_foundation = {
    ReadArtifactStore = {
      actions    = ["s3:GetBucket*", "s3:Get*Configuration", "s3:ListBucket"]
      resources  = [local.artifacts]
      conditions = []
    }
    ReadKeys = {
      actions    = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
      resources  = [local.keys]
      conditions = []
    }
    ReadRepositories = {
      actions    = ["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource"]
      resources  = [local.repositories]
      conditions = []
    }
    ReadExecutionRoles = {
      actions    = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
      resources  = ["${local.iam}:role/${local.prefix}-*-execution"]
      conditions = []
    }
    ReadTopic = {
      actions    = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource"]
      resources  = ["arn:aws:sns:${local.here}:${local.prefix}-*"]
      conditions = []
    }
    ReadModelRegistry = {
      actions    = ["sagemaker:DescribeModelPackageGroup", "sagemaker:ListTags"]
      resources  = ["arn:aws:sagemaker:${local.here}:model-package-group/${local.prefix}-*"]
      conditions = []
    }
    ReadFoundationLists = {
      actions    = ["ecr:DescribeRegistry", "ecr:GetRegistryPolicy", "kms:ListAliases", "ssm:DescribeParameters"]
      resources  = ["*"] # these actions know no resource
      conditions = []
    }
  }

  read_serving = {
    ReadEndpoints = {
      actions = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel", "sagemaker:ListTags"]
      resources = [
        "arn:aws:sagemaker:${local.here}:endpoint-config/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:endpoint/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:model/${local.prefix}-*",
      ]
      conditions = []
    }
    ReadServingRoles = {
      actions    = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
      resources  = ["${local.iam}:role/${local.prefix}-*-caller-*", "${local.iam}:role/${local.prefix}-*-invoker"]
      conditions = []
    }
    ReadFunctions = {
      actions    = ["lambda:Get*", "lambda:List*"]
      resources  = ["arn:aws:lambda:${local.here}:function:${local.prefix}-*"]
      conditions = []
    }
    ReadAlarms = {
      actions = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
      resources = [
        "arn:aws:cloudwatch:${local.here}:alarm:${local.prefix}-*",
        "arn:aws:cloudwatch::${var.account_id}:dashboard/${local.prefix}-*",
      ]
      conditions = []
    }
    ReadLogGroups = {
      actions    = ["logs:ListTagsForResource"]
      resources  = ["arn:aws:logs:${local.here}:log-group:/aws/lambda/${local.prefix}-*"]
      conditions = []
    }
    ReadScalingTags = {
      actions    = ["application-autoscaling:ListTagsForResource"]
      resources  = ["arn:aws:application-autoscaling:${local.here}:scalable-target/*"]
      conditions = []
    }
    ReadServingLists = {
      actions = [
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "logs:DescribeLogGroups",
      ]
      resources  = ["*"] # Terraform asks for these by filter, which knows no resource
      conditions = []
    }
  }

  read_parameter = {
    ReadParameter = {
      actions    = ["ssm:GetParameter", "ssm:GetParameters", "ssm:ListTagsForResource"]
      resources  = [local.parameter]
      conditions = []
    }
  }

  list_states = {
    ListStates = {
      actions    = ["s3:ListBucket"]
      resources  = [local.states]
      conditions = []
    }
    UseStateKey = {
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [local.keys]
      conditions = [local.through_s3, local.of_state_key]
    }
  }
}
