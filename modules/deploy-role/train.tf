# It submits jobs and sees what became of them. It reaches the queue through its functions alone: it writes neither table nor
# queues, passes no role, and starts no job itself.
locals {
  train = merge(local.read_parameter, local.record, {
    # Since October 2025 a function's URL asks for both permissions. Without the condition one could invoke the function with
    # an event of one's own making, and be whoever one likes: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    SubmitJobs = {
      actions    = ["lambda:InvokeFunctionUrl"]
      resources  = [for queue in local.queues : "arn:aws:lambda:${local.here}:function:${queue}-submit"]
      conditions = [{ test = "StringEquals", variable = "lambda:FunctionUrlAuthType", values = ["AWS_IAM"] }]
    }
    SubmitByUrlOnly = {
      actions    = ["lambda:InvokeFunction"]
      resources  = [for queue in local.queues : "arn:aws:lambda:${local.here}:function:${queue}-submit"]
      conditions = [{ test = "Bool", variable = "lambda:InvokedViaFunctionUrl", values = ["true"] }]
    }
    # Their events name jobs and queues, and are believed in nothing else: `finish` reads each job from the table.
    RepairJobs = {
      actions = ["lambda:InvokeFunction"]
      resources = flatten([
        for queue in local.queues : ["arn:aws:lambda:${local.here}:function:${queue}-finish:repair", "arn:aws:lambda:${local.here}:function:${queue}-sweep"]
      ])
      conditions = []
    }
    ReadJobs = {
      actions    = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
      resources  = flatten([for table in local.queue_table : [table, "${table}/index/*"]])
      conditions = []
    }
    UseTableKey = {
      actions    = ["kms:Decrypt"]
      resources  = [for queue in local.queues : local.keys]
      conditions = [local.through_dynamodb, local.of_queue_key]
    }
    ReadOutputs = {
      actions    = ["s3:GetObject"]
      resources  = flatten([for queue in local.queues : [for kind in ["training", "training-billing", "training-history"] : "${local.artifacts}/${kind}/*"]])
      conditions = []
    }
    ListOutputs = {
      actions    = ["s3:ListBucket"]
      resources  = [for queue in local.queues : local.artifacts]
      conditions = [{ test = "StringLike", variable = "s3:prefix", values = ["training/*", "training-billing/*", "training-history/*"] }]
    }
    SettleCosts = {
      actions    = ["s3:PutObject"]
      resources  = [for queue in local.queues : "${local.artifacts}/training-billing/*"]
      conditions = []
    }
    ReadJobLogs = {
      actions = ["logs:FilterLogEvents"]
      resources = flatten([
        for queue in local.queues : [for kind in ["ProcessingJobs", "TrainingJobs"] : "arn:aws:logs:${local.here}:log-group:/aws/sagemaker/${kind}:*"]
      ])
      conditions = []
    }
    AskJobs = {
      actions = [
        "sagemaker:DescribeHyperParameterTuningJob",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
      ]
      resources = flatten([
        for queue in local.queues : [for kind in ["hyper-parameter-tuning-job", "processing-job", "training-job"] : "arn:aws:sagemaker:${local.here}:${kind}/*"]
      ])
      conditions = []
    }
    AskJobLists = {
      actions    = ["sagemaker:ListHyperParameterTuningJobs", "sagemaker:ListProcessingJobs", "sagemaker:ListTrainingJobs"]
      resources  = [for queue in local.queues : "*"] # these actions know no resource
      conditions = []
    }
    AskQueues = {
      actions    = ["sqs:GetQueueAttributes", "sqs:ListMessageMoveTasks"]
      resources  = local.queue_messages
      conditions = []
    }
    # What `finish` failed on names places in the table's stream, not jobs: it is read to know what to repair.
    ReadFailures = {
      actions    = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
      resources  = [for queue in local.queues : "arn:aws:sqs:${local.here}:${queue}-failures"]
      conditions = []
    }
    FindImages = {
      actions    = ["ecr:DescribeImages"]
      resources  = [for queue in local.queues : local.repositories]
      conditions = []
    }
  })
}
