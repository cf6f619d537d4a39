module "image_registry" {
  source = "../.."

  account_id   = "222222222222"
  region       = "eu-west-1"
  prefix       = "slipway"
  repositories = { ranker = { untagged_days = 30, kept_images = 500 } }

  replicates_from = { lab = { account_id = "111111111111" } }
}
