module "artifact_store" {
  source = "../.."

  name       = "slipway-stage-artifacts-222222222222"
  account_id = "222222222222"
  region     = "eu-west-1"
  key_alias  = "slipway-stage-artifacts"

  readable_prefixes = ["releases/", "evidence/"]
  reader_role_arns = [
    "arn:aws:iam::333333333333:role/slipway-public-promote",
    "arn:aws:iam::555555555555:role/slipway-overseas-promote",
  ]
  pruner_role_arns = ["arn:aws:iam::222222222222:role/slipway-stage-prune"]

  access_log = { bucket = "slipway-stage-logs-222222222222", prefix = "artifacts/" }
  retention  = { noncurrent_days = 30, capture_days = 14, training_days = 180 }
}
