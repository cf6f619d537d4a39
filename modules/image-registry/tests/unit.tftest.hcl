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
  account_id   = "111111111111"
  region       = "eu-west-1"
  prefix       = "slipway"
  repositories = { ranker = {} }
}

run "keeps_what_a_release_may_need" {
  command = plan

  assert {
    condition = (
      aws_ecr_repository.this["ranker"].name == "slipway/ranker"
      && aws_ecr_repository.this["ranker"].image_tag_mutability == "IMMUTABLE"
      && one(aws_ecr_repository.this["ranker"].image_scanning_configuration).scan_on_push
      && one(aws_ecr_repository.this["ranker"].encryption_configuration).encryption_type == "AES256"
    )
    error_message = "a repository must have immutable tags, scan on push and be encrypted"
  }
  assert {
    condition = jsondecode(aws_ecr_lifecycle_policy.this["ranker"].policy).rules[*].selection == [
      { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 },
    ]
    error_message = "by default no rule may select a tagged image"
  }
  assert {
    condition     = length(aws_ecr_replication_configuration.this) == 0 && length(aws_ecr_registry_policy.this) == 0
    error_message = "without neighbours nothing is replicated and nobody may replicate"
  }
  assert {
    condition     = output.repository_arns == { ranker = "arn:aws:ecr:eu-west-1:111111111111:repository/slipway/ranker" }
    error_message = "ARNs must be known in the plan"
  }
}

run "replicates_to_every_registry_downstream" {
  command = plan

  variables {
    replicates_to = {
      stage  = { account_id = "222222222222", region = "eu-west-1" }
      public = { account_id = "333333333333", region = "eu-central-1" }
    }
  }

  assert {
    condition = join(" ", sort([
      for destination in one(one(aws_ecr_replication_configuration.this).replication_configuration[0].rule).destination :
      "${destination.registry_id}/${destination.region}"
    ])) == "222222222222/eu-west-1 333333333333/eu-central-1"
    error_message = "every registry must be a destination of one rule"
  }
  assert {
    condition = one(one(one(aws_ecr_replication_configuration.this).replication_configuration[0].rule).repository_filter) == {
      filter = "slipway/", filter_type = "PREFIX_MATCH"
    }
    error_message = "only repositories below the prefix may be replicated"
  }
}

run "receives_from_named_accounts_only" {
  command = plan

  variables {
    replicates_from = { lab = { account_id = "999999999999" } }
  }

  assert {
    condition = jsondecode(one(aws_ecr_registry_policy.this).policy).Statement == [{
      Sid       = "AllowReplicationFromLab"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::999999999999:root" }
      Action    = "ecr:ReplicateImage"
      Resource  = "arn:aws:ecr:eu-west-1:111111111111:repository/slipway/*"
    }]
    error_message = "the registry policy must allow exactly ecr:ReplicateImage, below the prefix"
  }
}

run "takes_key_and_bound" {
  command = plan

  variables {
    key_arn      = "arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-4000-8000-000000000001"
    repositories = { ranker = { untagged_days = 3, kept_images = 200 } }
  }

  assert {
    condition     = one(aws_ecr_repository.this["ranker"].encryption_configuration).encryption_type == "KMS"
    error_message = "a key means KMS"
  }
  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this["ranker"].policy).rules[*].selection.countNumber == [3, 100000, 200]
    error_message = "untagged images must go after 3 days, and the newest 200 images stay"
  }
  assert {
    condition = [
      for rule in jsondecode(aws_ecr_lifecycle_policy.this["ranker"].policy).rules : try(rule.selection.tagPatternList, [rule.selection.tagStatus])
    ] == [["untagged"], ["sha256-*"], ["any"]]
    error_message = "a rule that selects any image must come after the one that spares pinned images"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "example_receiver" {
  command = plan

  module {
    source = "./examples/receiver"
  }
}
