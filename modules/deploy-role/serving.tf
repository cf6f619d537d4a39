locals {
  deploy_serving = merge(local.read_serving, local.read_parameter, local.list_states, {
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
    PassInvokerRoles = {
      actions    = ["iam:PassRole"]
      resources  = ["${local.iam}:role/${local.prefix}-*-invoker"]
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
      resources  = ["${local.iam}:role/${local.prefix}-*-caller-*", "${local.iam}:role/${local.prefix}-*-invoker"]
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
      resources  = ["${local.iam}:role/${local.prefix}-*-caller-*", "${local.iam}:role/${local.prefix}-*-invoker"]
      conditions = []
    }
    ScaleEndpoints = {
      actions = [
        "application-autoscaling:DeleteScalingPolicy",
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:PutScalingPolicy",
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
      actions    = ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"]
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
    DeployInvokers = {
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
      resources  = ["arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker", "arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker:*"]
      conditions = []
    }
    MakeLogGroups = {
      actions    = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
      resources  = ["arn:aws:logs:${local.here}:log-group:/aws/lambda/${local.prefix}-*"]
      conditions = []
    }
  })
}
