# What takes, launches and follows jobs. Statements without a name of a job are for all: names are their owners' choice.
locals {
  submit = merge(local.use_table_key, {
    WriteJobs = {
      actions    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources  = [local.table_arn]
      conditions = []
    }
    StopOwnJobs = {
      actions    = ["sagemaker:StopHyperParameterTuningJob", "sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob"]
      resources  = local.jobs
      conditions = [local.of_this_queue]
    }
    # A scheduled job that could not be taken: Lambda sends it in the function's role.
    GiveUp = {
      actions    = ["sqs:SendMessage"]
      resources  = [local.queue_arn["failures"]]
      conditions = []
    }
  })

  launch = merge(local.use_table_key, {
    ClaimJobs = {
      actions    = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      resources  = [local.table_arn]
      conditions = []
    }
    FindDueAndOpenJobs = {
      actions    = ["dynamodb:Query"]
      resources  = [local.index_arn["due"], local.index_arn["open"]]
      conditions = []
    }
    LaunchJobs = {
      actions    = ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"]
      resources  = local.jobs
      conditions = [local.for_this_queue, local.of_named_types, local.types_are_said]
    }
    TagNewJobs = {
      actions    = ["sagemaker:AddTags"]
      resources  = local.jobs
      conditions = [local.for_this_queue]
    }
    # A name that is taken may be a stranger's job, which bears no tag of this queue.
    AskWhoseNameItIs = {
      actions    = ["sagemaker:DescribeHyperParameterTuningJob", "sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob"]
      resources  = local.jobs
      conditions = []
    }
    PassModelsRoles = {
      actions    = ["iam:PassRole"]
      resources  = local.execution
      conditions = [local.to_sagemaker]
    }
    ReadSubmissions = {
      actions    = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
      resources  = var.launch_on_submit ? ["${local.table_arn}/stream/*"] : []
      conditions = []
    }
    FindStreams = {
      actions    = ["dynamodb:ListStreams"]
      resources  = var.launch_on_submit ? ["*"] : [] # the action knows no resource
      conditions = []
    }
    PublishMetrics = {
      actions    = ["cloudwatch:PutMetricData"]
      resources  = ["*"] # the action knows no resource: the namespace bounds it
      conditions = [local.own_metrics]
    }
  })

  # Of the function for events, and of the sweep, which also sends back what died.
  monitor = merge(local.use_table_key, {
    TakeEvents = {
      actions    = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources  = [local.queue_arn["events"]]
      conditions = []
    }
    DecideOnJobs = {
      actions    = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      resources  = [local.table_arn]
      conditions = []
    }
    FindOpenJobs = {
      actions    = ["dynamodb:Query"]
      resources  = [local.index_arn["open"]]
      conditions = []
    }
    ListJobs = {
      actions    = ["sagemaker:ListHyperParameterTuningJobs", "sagemaker:ListProcessingJobs", "sagemaker:ListTrainingJobs"]
      resources  = ["*"] # these actions know no resource
      conditions = []
    }
    AskJobs = {
      actions    = ["sagemaker:DescribeHyperParameterTuningJob", "sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob"]
      resources  = local.jobs
      conditions = []
    }
    StopOwnJobs = {
      actions    = ["sagemaker:StopHyperParameterTuningJob", "sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob"]
      resources  = local.jobs
      conditions = [local.of_this_queue]
    }
    # Nobody else may send into `events`: what it says is believed.
    SendBackWhatDied = {
      actions    = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"]
      resources  = [local.queue_arn["events_dead"], local.queue_arn["releases_dead"]]
      conditions = []
    }
    SendBackToQueues = {
      actions    = ["sqs:SendMessage"]
      resources  = [local.queue_arn["events"], local.queue_arn["releases"]]
      conditions = []
    }
    PublishMetrics = {
      actions    = ["cloudwatch:PutMetricData"]
      resources  = ["*"] # the action knows no resource: the namespace bounds it
      conditions = [local.own_metrics]
    }
  })
}
