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
      actions    = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
      resources  = ["arn:aws:sns:${local.here}:${local.prefix}-*"]
      conditions = []
    }
    ReadModelRegistry = {
      actions    = ["sagemaker:DescribeModelPackageGroup", "sagemaker:ListTags"]
      resources  = ["arn:aws:sagemaker:${local.here}:model-package-group/${local.prefix}-*"]
      conditions = []
    }
    ReadFoundationLists = {
      actions    = ["ecr:DescribeRegistry", "ecr:GetRegistryPolicy", "kms:ListAliases", "sns:GetSubscriptionAttributes", "ssm:DescribeParameters"]
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
      resources  = local.serving_roles
      conditions = []
    }
    ReadSchedules = {
      actions    = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
      resources  = ["arn:aws:events:${local.here}:rule/${local.prefix}-*-monitor"]
      conditions = []
    }
    # AWS tells about composite alarms only who may ask about all:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    ReadCompositeAlarms = {
      actions    = ["cloudwatch:DescribeAlarms"]
      resources  = ["arn:aws:cloudwatch:${local.here}:alarm:*"]
      conditions = []
    }
    ReadFunctions = {
      actions    = ["lambda:Get*", "lambda:List*"]
      resources  = ["arn:aws:lambda:${local.here}:function:${local.prefix}-*"]
      conditions = []
    }
    ReadAlarms = {
      actions = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
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
        "application-autoscaling:DescribeScheduledActions",
        "logs:DescribeLogGroups",
        "sagemaker:ListEndpointConfigs",
      ]
      resources  = ["*"] # these are asked for by filter, which knows no resource
      conditions = []
    }
  }

  # Every command that changes something says so in a record; whoever may read one knows who did what.
  record = {
    WriteRecords = {
      actions    = ["s3:GetObject", "s3:PutObject"]
      resources  = ["${local.artifacts}/audit/*"]
      conditions = []
    }
    ListRecords = {
      actions    = ["s3:ListBucket"]
      resources  = [local.artifacts]
      conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["audit/*", "break-glass/*"] }]
    }
    UseArtifactKey = {
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [local.keys]
      conditions = [local.through_s3, local.of_artifact_key]
    }
  }

  # Plans that jobs hand to one another lie in the same store. The bucket's policy lets each role write below its own prefix only,
  # so a plan says by its place who made it. These take the place of the statements above: a role's policy has 10240 characters.
  share_plans = { for stack in ["foundation", "serving"] : stack => merge(local.list_plans, {
    WriteRecords = {
      actions    = ["s3:GetObject", "s3:PutObject"]
      resources  = ["${local.artifacts}/audit/*", "${local.artifacts}/plans/deploy/${stack}/*"]
      conditions = []
    }
    ReadPlans = {
      actions    = ["s3:GetObject"]
      resources  = ["${local.artifacts}/plans/*/${stack}/*"]
      conditions = []
    }
  }) }

  list_plans = {
    ListRecords = {
      actions    = ["s3:ListBucket"]
      resources  = [local.artifacts]
      conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["audit/*", "break-glass/*", "plans/*"] }]
    }
  }

  tell_people = {
    actions    = ["sns:Publish"]
    resources  = [local.topic]
    conditions = []
  }
  use_topic_key = {
    actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources  = [local.keys]
    conditions = [local.through_sns, local.of_topic_key]
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
