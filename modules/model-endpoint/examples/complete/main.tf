# Two retained revisions, canary deployment, autoscaling, a shadow variant, capture, network and a volume key.
locals {
  registry = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker"
  releases = "s3://slipway-qa-artifacts-222222222222/releases/ranker"
  role     = "arn:aws:iam::222222222222:role/slipway-qa-ranker-execution"
  first = {
    release                = "ranker-20261121t100000-1a2b3c4"
    image                  = "${local.registry}@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    model_data_url         = "${local.releases}/ranker-20261121t100000-1a2b3c4/model.tar.gz"
    execution_role_arn     = local.role
    instance_type          = "ml.m5.large"
    initial_instance_count = 1
  }
  second = merge(local.first, {
    release        = "ranker-20261122t100000-5d6e7f8"
    image          = "${local.registry}@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    model_data_url = "${local.releases}/ranker-20261122t100000-5d6e7f8/model.tar.gz"
    weight         = 10
  })
  network = {
    subnet_ids         = ["subnet-0a", "subnet-0b"]
    security_group_ids = ["sg-0a"]
    isolation          = true
  }
}

module "ranker" {
  source = "../.."

  name   = "slipway-qa-ranker"
  region = "eu-west-1"
  live   = "r2-1a2b3c4d"

  revisions = {
    "r1-0badcafe" = {
      created  = "2026-11-21T10:05:00Z"
      variants = { main = local.first }
      network  = local.network
    }
    "r2-1a2b3c4d" = {
      created         = "2026-11-22T10:05:00Z"
      replaces        = "r1-0badcafe"
      variants        = { main = local.second }
      shadow_variants = { candidate = merge(local.first, { environment = { RANKER_MODE = "shadow" } }) }
      network         = local.network
      volume_key_arn  = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
      data_capture = {
        sampling_percentage = 10
        destination_s3_uri  = "s3://slipway-qa-artifacts-222222222222/capture/ranker"
      }
    }
  }

  deployment           = "cautious"
  deployment_overrides = { percent = 25, wait_s = 300 }

  # Target tracking on 20 invocations per instance and minute and on requests at once; at least two instances in office hours.
  autoscaling = {
    main = {
      min                      = 1
      max                      = 3
      invocations_per_instance = 20
      concurrency_per_model    = 4
      scale_in_cooldown_s      = 30
      scale_out_cooldown_s     = 30
      schedules = {
        morning = { schedule = "cron(0 7 ? * MON-FRI *)", time_zone = "Europe/Zurich", min = 2 }
        evening = { schedule = "cron(0 19 ? * MON-FRI *)", time_zone = "Europe/Zurich", min = 1 }
      }
    }
  }

  alarms = {
    errors_4xx        = { threshold_percent = 10, min_requests = 100 }
    model_latency_p99 = { threshold_ms = 200 }
    additional_names  = ["search-results-are-empty"]
  }
  notification_topic_arns = ["arn:aws:sns:eu-west-1:222222222222:slipway-qa-notifications"]
}

output "truth" {
  description = "What Terraform wants."
  value       = module.ranker.truth
}
