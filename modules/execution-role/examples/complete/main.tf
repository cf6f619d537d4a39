module "execution_role" {
  source = "../.."

  name         = "slipway-lab-ranker-execution"
  model        = "ranker"
  account_id   = "111111111111"
  region       = "eu-west-1"
  boundary_arn = "arn:aws:iam::111111111111:policy/slipway-lab-workload"

  artifact_store = { bucket = "slipway-lab-artifacts-111111111111", key_alias = "alias/slipway-lab-artifacts" }
  repository_arn = "arn:aws:ecr:eu-west-1:111111111111:repository/slipway/ranker"

  training = { inputs = { clicks = { bucket = "example-lake", prefix = "clicks/" } } }
  network  = { subnet_ids = ["subnet-0123456789abcdef0"], security_group_ids = ["sg-0123456789abcdef0"] }
}
