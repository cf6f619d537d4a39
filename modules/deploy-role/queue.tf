# The training queue of an environment that has one; without one no statement of this file has a resource, and none applies.
locals {
  queues = var.queue_boundary_arn == null ? [] : ["${local.prefix}-training"]

  queue_makers = toset(var.access == "deploy-foundation" ? local.queues : [])

  queue_aliases   = [for queue in local.queues : "alias/${queue}-table"]
  queue_functions = [for queue in local.queues : "arn:aws:lambda:${local.here}:function:${queue}-*"]
  queue_mappings  = [for queue in local.queues : "arn:aws:lambda:${local.here}:event-source-mapping:*"] # AWS gives them an id
  queue_messages  = [for queue in local.queues : "arn:aws:sqs:${local.here}:${queue}-*"]
  queue_roles     = [for queue in local.queues : "${local.iam}:role/${queue}-*"]
  queue_schedules = flatten([
    for queue in local.queues : ["arn:aws:scheduler:${local.here}:schedule-group/${queue}", "arn:aws:scheduler:${local.here}:schedule/${queue}/*"]
  ])
  queue_table = [for queue in local.queues : "arn:aws:dynamodb:${local.here}:table/${queue}"]
  queue_watch = flatten([
    for queue in local.queues : ["arn:aws:cloudwatch:${local.here}:alarm:${queue}-*", "arn:aws:cloudwatch::${var.account_id}:dashboard/${queue}"]
  ])

  of_queue_functions = { test = "ArnLike", variable = "lambda:FunctionArn", values = local.queue_functions }
  below_queue        = { test = "StringEquals", variable = "iam:PermissionsBoundary", values = var.queue_boundary_arn[*] }
  through_dynamodb   = { test = "StringEquals", variable = "kms:ViaService", values = ["dynamodb.${var.region}.amazonaws.com"] }
  of_queue_key       = { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = local.queue_aliases }

  read_queue = {
    ReadQueueTable = {
      actions    = ["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource"]
      resources  = local.queue_table
      conditions = []
    }
    ReadQueueFunctions = {
      actions    = ["lambda:Get*", "lambda:List*"]
      resources  = concat(local.queue_functions, local.queue_mappings)
      conditions = []
    }
    ReadQueueMessages = {
      actions    = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
      resources  = local.queue_messages
      conditions = []
    }
    ReadQueueEvents = {
      actions    = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
      resources  = [for queue in local.queues : "arn:aws:events:${local.here}:rule/${queue}-*"]
      conditions = []
    }
    ReadQueueSchedules = {
      actions    = ["scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"]
      resources  = local.queue_schedules
      conditions = []
    }
    ReadQueueRoles = {
      actions    = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
      resources  = local.queue_roles
      conditions = []
    }
    ReadQueueAlarms = {
      actions    = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
      resources  = local.queue_watch
      conditions = []
    }
    ReadQueueLogGroups = {
      actions    = ["logs:ListTagsForResource"]
      resources  = [for queue in local.queues : "arn:aws:logs:${local.here}:log-group:/aws/lambda/${queue}-*"]
      conditions = []
    }
    ReadQueueLists = {
      actions    = ["lambda:ListEventSourceMappings", "logs:DescribeLogGroups"]
      resources  = [for queue in local.queues : "*"] # these actions know no narrower resource
      conditions = []
    }
  }

  # Table and queues are made and changed, never deleted: jobs and messages are what nobody can make again.
  make_queue = {
    MakeQueueTable = {
      actions = [
        "dynamodb:CreateTable",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
      ]
      resources  = local.queue_table
      conditions = []
    }
    # DynamoDB asks for them when it makes a table: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    LetDynamoDBUseTableKey = {
      actions    = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      resources  = [for queue in local.queues : local.keys]
      conditions = [local.through_dynamodb, local.made_by_own_root]
    }
    NameQueueKeys = {
      actions = ["kms:CreateAlias", "kms:UpdateAlias"]
      resources = flatten([
        for queue in local.queues : ["arn:aws:kms:${local.here}:alias/${queue}", "arn:aws:kms:${local.here}:alias/${queue}-table"]
      ])
      conditions = []
    }
    MakeQueueMessages = {
      actions    = ["sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
      resources  = local.queue_messages
      conditions = []
    }
    MakeQueueFunctions = {
      actions = [
        "lambda:AddPermission",
        "lambda:CreateAlias",
        "lambda:CreateFunction",
        "lambda:DeleteAlias",
        "lambda:DeleteFunction",
        "lambda:DeleteFunctionConcurrency",
        "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:DeleteFunctionUrlConfig",
        "lambda:PutFunctionConcurrency",
        "lambda:PutFunctionEventInvokeConfig",
        "lambda:RemovePermission",
        "lambda:TagResource",
        "lambda:UntagResource",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:UpdateFunctionEventInvokeConfig",
      ]
      resources  = local.queue_functions
      conditions = []
    }
    MakeQueueUrls = {
      actions    = ["lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"]
      resources  = local.queue_functions
      conditions = [{ test = "StringEquals", variable = "lambda:FunctionUrlAuthType", values = ["AWS_IAM"] }] # never open to all
    }
    MakeQueueMappings = {
      actions    = ["lambda:CreateEventSourceMapping"]
      resources  = [for queue in local.queues : "*"] # the action knows no resource
      conditions = [local.of_queue_functions]
    }
    ChangeQueueMappings = {
      actions    = ["lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
      resources  = local.queue_mappings
      conditions = [local.of_queue_functions]
    }
    TagQueueMappings = {
      actions    = ["lambda:TagResource", "lambda:UntagResource"]
      resources  = local.queue_mappings
      conditions = [local.of_no_other_root]
    }
    MakeQueueRoles = {
      actions    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      resources  = local.queue_roles
      conditions = [local.below_queue]
    }
    ChangeQueueRoles = {
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
      resources  = local.queue_roles
      conditions = []
    }
    PassQueueRoles = {
      actions = ["iam:PassRole"]
      resources = flatten([
        for queue in local.queues : [for name in ["finish", "launch", "monitor", "release", "submit"] : "${local.iam}:role/${queue}-${name}"]
      ])
      conditions = [local.to_lambda]
    }
    PassScheduleRole = {
      actions    = ["iam:PassRole"]
      resources  = [for queue in local.queues : "${local.iam}:role/${queue}-schedule"]
      conditions = [{ test = "StringEquals", variable = "iam:PassedToService", values = ["scheduler.amazonaws.com"] }]
    }
    MakeQueueSchedules = {
      actions = [
        "scheduler:CreateSchedule",
        "scheduler:CreateScheduleGroup",
        "scheduler:DeleteSchedule",
        "scheduler:DeleteScheduleGroup",
        "scheduler:TagResource",
        "scheduler:UntagResource",
        "scheduler:UpdateSchedule",
      ]
      resources  = local.queue_schedules
      conditions = []
    }
    MakeQueueEvents = {
      actions    = ["events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource"]
      resources  = [for queue in local.queues : "arn:aws:events:${local.here}:rule/${queue}-*"]
      conditions = []
    }
    MakeQueueTopic = {
      actions    = ["sns:CreateTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
      resources  = [for queue in local.queues : "arn:aws:sns:${local.here}:${queue}"]
      conditions = []
    }
    MakeQueueAlarms = {
      actions = [
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards",
        "cloudwatch:PutDashboard",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
      ]
      resources  = local.queue_watch
      conditions = []
    }
    MakeQueueLogGroups = {
      actions    = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
      resources  = [for queue in local.queues : "arn:aws:logs:${local.here}:log-group:/aws/lambda/${queue}-*"]
      conditions = []
    }
  }
}
