# What tells of ended jobs, keeps their history and makes releases of them; and what calls the functions on time.
locals {
  finish = merge(local.use_table_key, local.use_store_key, local.tell, {
    ReadEnds = {
      actions    = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
      resources  = ["${local.table_arn}/stream/*"]
      conditions = []
    }
    FindStreams = {
      actions    = ["dynamodb:ListStreams"]
      resources  = ["*"] # the action knows no resource
      conditions = []
    }
    ReadJobs = {
      actions    = ["dynamodb:GetItem"]
      resources  = [local.table_arn]
      conditions = []
    }
    FindEndedJobs = {
      actions    = ["dynamodb:Query"]
      resources  = [local.index_arn["history"]]
      conditions = []
    }
    OrderReleases = {
      actions    = ["sqs:SendMessage"]
      resources  = [local.queue_arn["releases"]]
      conditions = []
    }
    GiveUp = {
      actions    = ["sqs:SendMessage"]
      resources  = [local.queue_arn["failures"]]
      conditions = []
    }
    KeepHistory = {
      actions    = ["s3:PutObject"]
      resources  = ["${local.bucket_arn}/${local.history_prefix}*"]
      conditions = []
    }
    # It looks whether a record is there by listing: to who may not list, S3 answers 403 for an absent key.
    ListHistory = {
      actions    = ["s3:ListBucket"]
      resources  = [local.bucket_arn]
      conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["${local.history_prefix}*"] }]
    }
    PublishMetrics = {
      actions    = ["cloudwatch:PutMetricData"]
      resources  = ["*"] # the action knows no resource: the namespace bounds it
      conditions = [local.own_metrics]
    }
  })

  # What the glue's promote role has for making a release, narrowed to the queue's models and to what waits for approval.
  release = merge(local.use_table_key, local.use_store_key, local.tell, {
    TakeOrders = {
      actions    = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources  = [local.queue_arn["releases"]]
      conditions = []
    }
    ReadJobs = {
      actions    = ["dynamodb:GetItem"]
      resources  = [local.table_arn]
      conditions = []
    }
    ReadFoundation = {
      actions    = ["ssm:GetParameter"]
      resources  = ["arn:aws:ssm:${local.here}:parameter/${var.project}/${var.environment}/foundation"]
      conditions = []
    }
    AskJobs = {
      actions    = ["sagemaker:DescribeTrainingJob"]
      resources  = ["arn:aws:sagemaker:${local.here}:training-job/*"]
      conditions = []
    }
    ReadOutputsAndReleases = {
      actions = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"]
      resources = concat(
        ["${local.bucket_arn}/training/*"],
        flatten([for model in sort(keys(var.models)) : ["${local.bucket_arn}/release-index/${model}/*", "${local.bucket_arn}/releases/${model}/*"]]),
      )
      conditions = []
    }
    WriteReleases = {
      actions = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectTagging"]
      resources = flatten([
        for model in sort(keys(var.models)) : ["${local.bucket_arn}/release-index/${model}/*", "${local.bucket_arn}/releases/${model}/*"]
      ])
      conditions = []
    }
    SayWhatBecameOfJobs = {
      actions    = ["s3:PutObject"]
      resources  = ["${local.bucket_arn}/training/*/release.json"]
      conditions = []
    }
    ListStore = {
      actions    = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      resources  = [local.bucket_arn]
      conditions = []
    }
    PinImages = {
      actions    = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"]
      resources  = [for model in sort(keys(var.models)) : "arn:aws:ecr:${local.here}:repository/${var.project}/${model}"]
      conditions = []
    }
    ReadRegistry = {
      actions    = ["sagemaker:AddTags", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages"]
      resources  = local.registered
      conditions = []
    }
    RegisterReleases = {
      actions    = ["sagemaker:CreateModelPackage"]
      resources  = local.registered
      conditions = [local.pending] # approving is for people
    }
  })

  registered = flatten([
    for model in sort(keys(var.models)) : [
      "arn:aws:sagemaker:${local.here}:model-package-group/${local.prefix}-${model}",
      "arn:aws:sagemaker:${local.here}:model-package/${local.prefix}-${model}/*",
    ]
  ])

  schedule = {
    CallFunctions = {
      actions    = ["lambda:InvokeFunction"]
      resources  = [local.function_arn["launch"], local.function_arn["submit"], local.function_arn["sweep"]]
      conditions = []
    }
    GiveUp = {
      actions    = ["sqs:SendMessage"]
      resources  = [local.queue_arn["failures"]]
      conditions = []
    }
  }
}
