# The first environment of the chain: releases are made here.
environment = {
  name       = "dev"
  account_id = "111111111111"
  region     = "eu-west-1"
  project    = "slipway"
  owner      = "ml-platform"
  repository = "https://github.com/example/slipway"

  promotes_from = null
  promotes_to   = { qa = { account_id = "222222222222", region = "eu-west-1" } }

  # Every downstream registry: replication does not cascade (docs/decisions/0004).
  replicates_images_to = {
    qa         = { account_id = "222222222222", region = "eu-west-1" }
    production = { account_id = "333333333333", region = "eu-west-1" }
  }
  replicates_images_from = {}

  models = {
    ranker = { training = {} }
  }

  # Budgets are at most the account's quotas ("ml.m5.large for training job usage"), prices those of Amazon's list for eu-west-1.
  training_queue = {
    instance_types = {
      "ml.m5.large"  = { budget = 20, spot_budget = 20, usd_per_hour = 0.128 }
      "ml.m5.xlarge" = { budget = 8, spot_budget = 8, usd_per_hour = 0.257 }
      "ml.c5.xlarge" = { budget = 8, spot_budget = 8, usd_per_hour = 0.23 }
    }

    # Enable it when the template names an image of yours.
    schedules = {
      ranker-nightly = { expression = "cron(0 3 * * ? *)", time_zone = "Europe/Zurich", template = "ranker.yaml", enabled = false }
    }
  }
}
