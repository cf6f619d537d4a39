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
}
