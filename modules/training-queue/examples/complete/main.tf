# Two models, one of them in a network; spot; retraining every night; launches at once; functions from a container image.
module "training_queue" {
  source = "../.."

  project      = "slipway"
  environment  = "stage"
  account_id   = "222222222222"
  region       = "eu-west-1"
  boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-queue"

  artifact_store = {
    bucket    = "slipway-stage-artifacts-222222222222"
    key_alias = "alias/slipway-stage-artifacts"
    key_arn   = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
  }
  models = {
    ranker     = { inputs = { clicks = { bucket = "lake", prefix = "clicks/" } } }
    classifier = { network = { subnet_ids = ["subnet-11111111"], security_group_ids = ["sg-11111111"] } }
  }
  instance_types = {
    "ml.m5.large"   = { budget = 20, spot_budget = 40, usd_per_hour = 0.128 }
    "ml.g5.2xlarge" = { budget = 0, spot_budget = 4 }
  }
  package = {
    type      = "image"
    image_uri = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/training-queue@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  }

  launch_on_submit    = true
  launches_per_second = 2
  history_days        = 90
  log_retention_days  = 365
  concurrency         = { launch = null, sweep = null, monitor = 10, release = 5 } # an account with little concurrency
  alarms              = { oldest_due_minutes = 30, failed_jobs = 20 }

  schedules = {
    nightly = { expression = "cron(0 3 * * ? *)", time_zone = "Europe/Zurich", template = "${path.module}/nightly.yaml" }
  }
  subscribers = {
    search = { protocol = "email", endpoint = "search@example.com", owners = ["search-team"], states = ["Failed", "Stopped"] }
    all    = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:222222222222:ends" }
  }
  notification_topic_arns = ["arn:aws:sns:eu-west-1:222222222222:slipway-stage-notifications"]
}

output "queue" {
  description = "What the glue needs."
  value       = module.training_queue.queue
}
