# One variant on one instance. Deployment, alarms and dashboard are the module's defaults.
module "ranker" {
  source = "../.."

  name   = "slipway-qa-ranker"
  region = "eu-west-1"
  live   = "r1-0badcafe"
  revisions = {
    "r1-0badcafe" = {
      variants = {
        main = {
          release                = "ranker-20261121t100000-1a2b3c4"
          image                  = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          model_data_url         = "s3://slipway-qa-artifacts-222222222222/releases/ranker/ranker-20261121t100000-1a2b3c4/model.tar.gz"
          execution_role_arn     = "arn:aws:iam::222222222222:role/slipway-qa-ranker-execution"
          instance_type          = "ml.m5.large"
          initial_instance_count = 1
        }
      }
    }
  }
}

output "truth" {
  description = "What Terraform wants."
  value       = module.ranker.truth
}
