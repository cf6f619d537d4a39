# Releases prove themselves here before production takes them.
environment = {
  name       = "qa"
  account_id = "222222222222"
  region     = "eu-west-1"
  project    = "slipway"
  owner      = "ml-platform"
  repository = "https://github.com/example/slipway"

  promotes_from = { name = "dev", account_id = "111111111111", region = "eu-west-1" }
  promotes_to   = { production = { account_id = "333333333333", region = "eu-west-1" } }

  # Who may approve releases once `gates` has approval = true. Name your own people's roles.
  approvers = ["arn:aws:iam::222222222222:role/operator"]

  replicates_images_to   = {}
  replicates_images_from = { dev = { account_id = "111111111111" } }

  models = {
    ranker = {}
  }
}
