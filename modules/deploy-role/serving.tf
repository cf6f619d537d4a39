locals {
  function_roles = ["${local.iam}:role/${local.prefix}-*-invoker", "${local.iam}:role/${local.prefix}-*-monitor"]
  serving_roles  = concat(["${local.iam}:role/${local.prefix}-*-caller-*"], local.function_roles)

  deploy_serving = merge(local.read_serving, local.read_parameter, local.list_states, local.record, local.share_plans["serving"], {
    UseOwnStates = {
      actions    = ["s3:GetObject", "s3:PutObject"]
      resources  = ["${local.states}/serving/*"]
      conditions = []
    }
    ReleaseOwnLocks = {
      actions    = ["s3:DeleteObject"]
      resources  = ["${local.states}/serving/*.tflock"]
      conditions = []
    }
    DeployEndpoints = {
      actions = [
        "sagemaker:AddTags",
        "sagemaker:CreateEndpoint",
        "sagemaker:CreateEndpointConfig",
        "sagemaker:CreateModel",
        "sagemaker:DeleteEndpoint",
        "sagemaker:DeleteEndpointConfig",
        "sagemaker:DeleteModel",
        "sagemaker:DeleteTags",
        "sagemaker:UpdateEndpoint",
      ]
      resources = [
        "arn:aws:sagemaker:${local.here}:endpoint-config/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:endpoint/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:model/${local.prefix}-*",
      ]
      conditions = []
    }
    PassExecutionRoles = {
      actions    = ["iam:PassRole"]
      resources  = ["${local.iam}:role/${local.prefix}-*-execution"]
      conditions = [local.to_sagemaker]
    }
    PassFunctionRoles = {
      actions    = ["iam:PassRole"]
      resources  = local.function_roles
      conditions = [local.to_lambda]
    }
    LetSageMakerUseVolumeKeys = {
      actions   = ["kms:CreateGrant"]
      resources = [local.keys]
      conditions = [
        { test = "Bool", variable = "kms:GrantIsForAWSResource", values = ["true"] },
        { test = "StringEquals", variable = "kms:ViaService", values = ["sagemaker.${var.region}.amazonaws.com"] },
      ]
    }
    MakeServingRoles = {
      actions    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      resources  = local.serving_roles
      conditions = [local.below_boundary]
    }
    ChangeServingRoles = {
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
      resources  = local.serving_roles
      conditions = []
    }
    ScaleEndpoints = {
      actions = [
        "application-autoscaling:DeleteScalingPolicy",
        "application-autoscaling:DeleteScheduledAction",
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:PutScalingPolicy",
        "application-autoscaling:PutScheduledAction",
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:TagResource",
        "application-autoscaling:UntagResource",
      ]
      resources = ["arn:aws:application-autoscaling:${local.here}:scalable-target/*"]
      conditions = [
        { test = "StringEqualsIfExists", variable = "application-autoscaling:service-namespace", values = ["sagemaker"] },
      ]
    }
    # Who makes a scaling policy needs what it comes to: its alarms, and changing the number of instances.
    # https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
    MakeScalingAlarms = {
      actions    = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
      resources  = ["arn:aws:cloudwatch:${local.here}:alarm:TargetTracking-endpoint/${local.prefix}-*"]
      conditions = []
    }
    ResizeEndpoints = {
      actions    = ["sagemaker:UpdateEndpointWeightsAndCapacities"]
      resources  = ["arn:aws:sagemaker:${local.here}:endpoint/${local.prefix}-*"]
      conditions = []
    }
    LetAutoscalingWork = {
      actions   = ["iam:CreateServiceLinkedRole"]
      resources = ["${local.iam}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/*"]
      conditions = [
        { test = "StringEquals", variable = "iam:AWSServiceName", values = ["sagemaker.application-autoscaling.amazonaws.com"] },
      ]
    }
    WatchEndpoints = {
      actions = [
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards",
        "cloudwatch:PutDashboard",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
      ]
      resources = [
        "arn:aws:cloudwatch:${local.here}:alarm:${local.prefix}-*",
        "arn:aws:cloudwatch::${var.account_id}:dashboard/${local.prefix}-*",
      ]
      conditions = []
    }
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    MakeCompositeAlarms = {
      actions    = ["cloudwatch:PutCompositeAlarm"]
      resources  = ["arn:aws:cloudwatch:${local.here}:alarm:*"] # AWS refuses a narrower scope
      conditions = []
    }
    ScheduleMonitors = {
      actions = [
        "events:DeleteRule",
        "events:DisableRule",
        "events:EnableRule",
        "events:PutRule",
        "events:PutTargets",
        "events:RemoveTargets",
        "events:TagResource",
        "events:UntagResource",
      ]
      resources  = ["arn:aws:events:${local.here}:rule/${local.prefix}-*-monitor"]
      conditions = []
    }
    DeployFunctions = {
      actions = [
        "lambda:AddPermission",
        "lambda:CreateAlias",
        "lambda:CreateFunction",
        "lambda:CreateFunctionUrlConfig",
        "lambda:DeleteAlias",
        "lambda:DeleteFunction",
        "lambda:DeleteFunctionConcurrency",
        "lambda:DeleteFunctionUrlConfig",
        "lambda:DeleteProvisionedConcurrencyConfig",
        "lambda:PublishVersion",
        "lambda:PutFunctionConcurrency",
        "lambda:PutProvisionedConcurrencyConfig",
        "lambda:RemovePermission",
        "lambda:TagResource",
        "lambda:UntagResource",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:UpdateFunctionUrlConfig",
      ]
      resources = [
        "arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker",
        "arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker:*",
        "arn:aws:lambda:${local.here}:function:${local.prefix}-*-monitor",
      ]
      conditions = []
    }
    # Names of the training queue begin like those of endpoints, and belong to the foundation.
    LeaveTrainingQueue = {
      effect  = "Deny"
      actions = ["cloudwatch:Delete*", "cloudwatch:Put*", "events:*", "iam:*", "lambda:*", "logs:*"]
      resources = flatten([
        for queue in local.queues : [
          "arn:aws:cloudwatch:${local.here}:alarm:${queue}-*",
          "arn:aws:cloudwatch::${var.account_id}:dashboard/${queue}",
          "arn:aws:events:${local.here}:rule/${queue}-*",
          "arn:aws:lambda:${local.here}:function:${queue}-*",
          "arn:aws:logs:${local.here}:log-group:/aws/lambda/${queue}-*",
          "${local.iam}:role/${queue}-*",
        ]
      ])
      conditions = []
    }
    AskAlarms = {
      actions    = ["cloudwatch:DescribeAlarmHistory"]
      resources  = ["arn:aws:cloudwatch:${local.here}:alarm:*"]
      conditions = []
    }
    MakeLogGroups = {
      actions    = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
      resources  = ["arn:aws:logs:${local.here}:log-group:/aws/lambda/${local.prefix}-*"]
      conditions = []
    }
  })
}
