module "execution_role" {
  source = "../.."

  name       = "slipway-stage-ranker-execution"
  model      = "ranker"
  account_id = "222222222222"
  region     = "eu-west-1"

  artifact_store = { bucket = "slipway-stage-artifacts-222222222222", key_alias = "alias/slipway-stage-artifacts" }
  repository_arn = "arn:aws:ecr:eu-west-1:222222222222:repository/slipway/ranker"
}
