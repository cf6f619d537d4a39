module "artifact_store" {
  source = "../.."

  name       = "slipway-qa-artifacts-222222222222"
  account_id = "222222222222"
  region     = "eu-west-1"
  key_alias  = "slipway-qa-artifacts"

  readable_prefixes = ["releases/", "evidence/"]
  reader_role_arns = [
    "arn:aws:iam::333333333333:role/slipway-production-promote",
    "arn:aws:iam::555555555555:role/slipway-overseas-promote",
  ]
  pruner_role_arns = ["arn:aws:iam::222222222222:role/slipway-qa-prune"]

  access_log = { bucket = "slipway-qa-logs-222222222222", prefix = "artifacts/" }
  retention  = { noncurrent_days = 30, capture_days = 14, training_days = 180 }
}
