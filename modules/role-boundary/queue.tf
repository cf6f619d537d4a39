# The most that a function of the training queue can ever do: keep jobs, start them in the models' roles, tell what became of
# them, and make releases that wait for somebody's approval. The only IAM in it is handing a model's role to SageMaker.
locals {
  queue_name = "${local.prefix}-training"

  queue = {
    KeepJobs = {
      effect = "Allow"
      actions = [
        "dynamodb:BatchGetItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DescribeStream",
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      resources  = ["arn:aws:dynamodb:${local.here}:table/${local.queue_name}", "arn:aws:dynamodb:${local.here}:table/${local.queue_name}/*"]
      conditions = []
    }
    PassMessages = {
      effect = "Allow"
      actions = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ListMessageMoveTasks",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "sqs:StartMessageMoveTask",
      ]
      resources  = ["arn:aws:sqs:${local.here}:${local.queue_name}-*"]
      conditions = []
    }
    StartJobs = {
      effect = "Allow"
      actions = [
        "sagemaker:AddTags",
        "sagemaker:CreateHyperParameterTuningJob",
        "sagemaker:CreateProcessingJob",
        "sagemaker:CreateTrainingJob",
      ]
      resources  = local.queue_jobs
      conditions = [{ test = "StringEquals", variable = "aws:RequestTag/slipway:queue", values = [local.queue_name] }]
    }
    StopOwnJobs = {
      effect     = "Allow"
      actions    = ["sagemaker:StopHyperParameterTuningJob", "sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob"]
      resources  = local.queue_jobs
      conditions = [{ test = "StringEquals", variable = "aws:ResourceTag/slipway:queue", values = [local.queue_name] }]
    }
    AskJobs = {
      effect = "Allow"
      actions = [
        "sagemaker:DescribeHyperParameterTuningJob",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
      ]
      resources  = local.queue_jobs
      conditions = []
    }
    HandModelsRolesToSageMaker = {
      effect     = "Allow"
      actions    = ["iam:PassRole"]
      resources  = ["${local.iam}:role/${local.prefix}-*-execution"]
      conditions = [{ test = "StringEquals", variable = "iam:PassedToService", values = ["sagemaker.amazonaws.com"] }]
    }
    MakeReleases = {
      effect = "Allow"
      actions = [
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
        "s3:PutObjectTagging",
      ]
      resources = concat(["arn:aws:s3:::${var.artifact_bucket}"], [
        for folder in ["release-index", "releases", "training", "training-history"] : "arn:aws:s3:::${var.artifact_bucket}/${folder}/*"
      ])
      conditions = []
    }
    # A queue's release waits: who trains does not approve.
    RegisterWaitingReleases = {
      effect     = "Allow"
      actions    = ["sagemaker:CreateModelPackage"]
      resources  = local.registered
      conditions = [{ test = "StringEquals", variable = "sagemaker:ModelApprovalStatus", values = ["PendingManualApproval"] }]
    }
    AskAndTagRegistry = {
      effect     = "Allow"
      actions    = ["sagemaker:AddTags", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages"]
      resources  = local.registered
      conditions = []
    }
    PinImages = {
      effect     = "Allow"
      actions    = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"]
      resources  = ["arn:aws:ecr:${local.here}:repository/${var.project}/*"]
      conditions = []
    }
    UseKeysThroughServices = {
      effect    = "Allow"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["arn:aws:kms:${local.here}:key/*"]
      conditions = [
        { test = "StringEquals", variable = "kms:ViaService", values = [for service in ["dynamodb", "s3", "sns"] : "${service}.${var.region}.amazonaws.com"] },
      ]
    }
    ReadParameter = {
      effect     = "Allow"
      actions    = ["ssm:GetParameter"]
      resources  = ["arn:aws:ssm:${local.here}:parameter/${var.project}/${var.environment}/foundation"]
      conditions = []
    }
    CallOneAnother = {
      effect     = "Allow"
      actions    = ["lambda:InvokeFunction"]
      resources  = ["arn:aws:lambda:${local.here}:function:${local.queue_name}-*"]
      conditions = []
    }
    TellPeople = {
      effect     = "Allow"
      actions    = ["sns:Publish"]
      resources  = ["arn:aws:sns:${local.here}:${local.queue_name}"]
      conditions = []
    }
    WriteLogs = {
      effect     = "Allow"
      actions    = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      resources  = ["arn:aws:logs:${local.here}:log-group:/aws/lambda/${local.queue_name}-*"]
      conditions = []
    }
    UseWhatKnowsNoResource = {
      effect = "Allow"
      actions = [
        "cloudwatch:PutMetricData",
        "dynamodb:ListStreams",
        "sagemaker:ListHyperParameterTuningJobs",
        "sagemaker:ListProcessingJobs",
        "sagemaker:ListTrainingJobs",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
      ]
      resources  = ["*"] # a boundary grants nothing: the role itself says which of them
      conditions = []
    }
  }

  queue_jobs = [for kind in ["hyper-parameter-tuning-job", "processing-job", "training-job"] : "arn:aws:sagemaker:${local.here}:${kind}/*"]
  registered = ["arn:aws:sagemaker:${local.here}:model-package-group/${local.prefix}-*", "arn:aws:sagemaker:${local.here}:model-package/${local.prefix}-*"]
}
