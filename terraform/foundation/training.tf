# The queue that models of this environment are trained by, where it has one.
locals {
  queues = { for queue in local.env.training_queue[*] : "this" => queue }
  queue  = one(values(module.training_queue)[*].queue) # what is published of it; null without one

  # Written once, by one role each: a job's record, and what AWS billed for it.
  training_records = length(local.queues) == 0 ? {} : {
    "training-billing/" = "arn:aws:iam::${local.env.account_id}:role/${local.prefix}-train"
    "training-history/" = "arn:aws:iam::${local.env.account_id}:role/${local.prefix}-training-finish"
  }
}

module "training_queue" {
  source   = "../../modules/training-queue"
  for_each = local.queues

  project      = local.env.project
  environment  = local.env.name
  account_id   = local.env.account_id
  region       = local.env.region
  boundary_arn = "arn:aws:iam::${local.env.account_id}:policy/${local.prefix}-queue"

  artifact_store = {
    bucket    = "${local.prefix}-artifacts-${local.env.account_id}"
    key_alias = "alias/${local.prefix}-artifacts"
    key_arn   = module.artifact_store.key_arn
  }
  models = {
    for name, model in local.env.models : name => { inputs = model.training.inputs, network = model.network } if model.training != null
  }

  instance_types      = each.value.instance_types
  launches_per_second = each.value.launches_per_second
  launch_on_submit    = each.value.launch_on_submit
  concurrency         = each.value.reserve_concurrency ? { launch = 1, sweep = 1 } : {}
  history_days        = each.value.history_days
  subscribers         = each.value.subscribers

  schedules = {
    for name, schedule in each.value.schedules : name => merge(schedule, {
      template = "${coalesce(var.training_templates, "${path.root}/../../environments/${local.env.name}/training")}/${schedule.template}"
    })
  }

  package = {
    type      = each.value.package.type
    image_uri = each.value.package.image_uri
    path      = coalesce(var.training_package, "${path.root}/../../build/functions/training-queue.zip")
  }
  notification_topic_arns = [module.notification_topic.arn]
}
