# The real provider, offline: it computes policy documents itself, and a plan that creates asks AWS nothing.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

variables {
  name       = "slipway-stage-tfstate-222222222222"
  account_id = "222222222222"
  key_alias  = "slipway-stage-tfstate"
}

run "keeps_history" {
  command = plan

  assert {
    condition = jsondecode(data.aws_iam_policy_document.history.json).Statement[0] == {
      Sid       = "DenyDeletingVersions"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:DeleteObjectVersion"
      Resource  = "arn:aws:s3:::slipway-stage-tfstate-222222222222/*"
    }
    error_message = "nobody may delete a version of a state"
  }
  assert {
    condition     = output.key_alias == "alias/slipway-stage-tfstate" && output.arn == "arn:aws:s3:::slipway-stage-tfstate-222222222222"
    error_message = "alias and ARN must be known in the first plan: the backend's settings and other policies name them"
  }
}

run "lets_old_history_go_when_asked" {
  command = plan

  variables {
    noncurrent_days = 365
  }

  assert {
    condition     = output.arn == "arn:aws:s3:::slipway-stage-tfstate-222222222222"
    error_message = "a bound on the history must be planned without an error"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}
