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
  project     = "slipway"
  environment = "stage"
  account_id  = "222222222222"
  region      = "eu-west-1"
  artifact_store = {
    bucket    = "slipway-stage-artifacts-222222222222"
    key_alias = "alias/slipway-stage-artifacts"
    key_arn   = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555"
  }
  models         = { ranker = {} }
  instance_types = { "ml.m5.large" = { budget = 4 } }
  package        = { path = "./versions.tf" } # any file: a plan opens none
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled && aws_dynamodb_table.this.point_in_time_recovery[0].enabled
    error_message = "the table outlives mistakes"
  }
}

run "example_minimal" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  variables {
    package_path = "./versions.tf"
  }
}

run "example_complete" {
  command = plan

  module {
    source = "./examples/complete"
  }
}
