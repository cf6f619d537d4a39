# What customers reach. Nothing promotes from here, and nothing here reads another account at run time.
environment = {
  name       = "production"
  account_id = "333333333333"
  region     = "eu-west-1"
  project    = "slipway"
  owner      = "ml-platform"
  repository = "https://github.com/example/slipway"

  promotes_from = { name = "qa", account_id = "222222222222", region = "eu-west-1" }
  promotes_to   = {}

  # qa must have signed that it checked exactly these files and this image.
  gates = { evidence = true }

  # Who may approve releases once `gates` has approval = true, and who may pass the gates in an emergency, with a reason that is
  # recorded. Name your own people's roles.
  approvers   = ["arn:aws:iam::333333333333:role/operator"]
  break_glass = ["arn:aws:iam::333333333333:role/operator"]

  replicates_images_to   = {}
  replicates_images_from = { dev = { account_id = "111111111111" } }

  models = {
    ranker = {}
  }
}
