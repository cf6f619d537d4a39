module "image_registry" {
  source = "../.."

  account_id   = "111111111111"
  region       = "eu-west-1"
  prefix       = "slipway"
  repositories = { ranker = {} }

  replicates_to = {
    stage  = { account_id = "222222222222", region = "eu-west-1" }
    public = { account_id = "333333333333", region = "eu-west-1" }
  }
}
