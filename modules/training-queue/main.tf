locals {
  prefix = "${var.project}-${var.environment}"
  name   = "${local.prefix}-training"
  here   = "${var.region}:${var.account_id}" # of ARNs

  # All from names, so that policies are known, and can be reviewed, in the plan that creates everything.
  bucket_arn   = "arn:aws:s3:::${var.artifact_store.bucket}"
  function_arn = { for name in keys(local.functions) : name => "arn:aws:lambda:${local.here}:function:${local.name}-${name}" }
  queue_arn    = { for name in local.queues : name => "arn:aws:sqs:${local.here}:${local.name}-${replace(name, "_", "-")}" }
  rule_arn     = "arn:aws:events:${local.here}:rule/${local.name}-events"
  table_arn    = "arn:aws:dynamodb:${local.here}:table/${local.name}"
  index_arn    = { for index in ["due", "history", "open"] : index => "${local.table_arn}/index/${index}" }
  topic_arn    = "arn:aws:sns:${local.here}:${local.name}"
  jobs         = [for kind in ["hyper-parameter-tuning-job", "processing-job", "training-job"] : "arn:aws:sagemaker:${local.here}:${kind}/*"]
  execution    = [for model in sort(keys(var.models)) : "arn:aws:iam::${var.account_id}:role/${local.prefix}-${model}-execution"]
  key_aliases  = { store = var.artifact_store.key_alias, table = "alias/${local.name}-table", topic = "alias/${local.name}" }

  history_prefix = "training-history/"

  # What glue/core/training/settings.py reads; the store's key, known only once it is made, comes in functions.tf. The queue's
  # URL is made of its name, too, or all functions would wait for SQS.
  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
  settings = {
    queue               = local.name
    project             = var.project
    environment         = var.environment
    account_id          = var.account_id
    region              = var.region
    table               = local.name
    bucket              = var.artifact_store.bucket
    topic_arn           = local.topic_arn
    releases_queue_url  = "https://sqs.${var.region}.amazonaws.com/${var.account_id}/${local.name}-releases"
    history_days        = var.history_days
    launches_per_second = var.launches_per_second
    instance_types      = var.instance_types

    models = {
      for name, model in var.models : name => {
        inputs  = [for key in sort(keys(model.inputs)) : model.inputs[key]]
        network = model.network
      }
    }
  }
}
