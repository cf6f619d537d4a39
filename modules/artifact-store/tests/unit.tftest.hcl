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

override_resource {
  target          = module.bucket.aws_kms_key.this
  override_during = plan
  values = {
    arn    = "arn:aws:kms:eu-west-1:222222222222:key/00000000-0000-4000-8000-000000000001"
    key_id = "00000000-0000-4000-8000-000000000001"
  }
}

variables {
  name       = "slipway-stage-artifacts-222222222222"
  account_id = "222222222222"
  region     = "eu-west-1"
}

run "releases_are_written_once" {
  command = plan

  assert {
    condition = one([
      for s in jsondecode(data.aws_iam_policy_document.immutability.json).Statement : s if s.Sid == "DenyOverwriting"
      ]) == {
      Sid       = "DenyOverwriting"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::slipway-stage-artifacts-222222222222/releases/*"
      Condition = { Bool = { "s3:ObjectCreationOperation" = "true" }, Null = { "s3:if-none-match" = "true" } }
    }
    error_message = "creating an object below releases/ must need If-None-Match, starting and sending parts must not"
  }
  assert {
    condition = alltrue([
      for s in jsondecode(data.aws_iam_policy_document.immutability.json).Statement :
      s.Effect == "Deny" && s.Principal == "*" && s.Resource == "arn:aws:s3:::slipway-stage-artifacts-222222222222/releases/*"
    ])
    error_message = "immutability must bind everybody, below releases/"
  }
  assert {
    condition = {
      for s in jsondecode(data.aws_iam_policy_document.immutability.json).Statement : s.Sid => try(s.Condition, null) if startswith(s.Sid, "DenyDeleting")
    } == { DenyDeleting = null, DenyDeletingVersions = null }
    error_message = "without pruners nobody may delete below releases/"
  }
}

run "is_closed_without_readers" {
  command = plan

  assert {
    condition     = try(length(jsondecode(data.aws_iam_policy_document.readers.json).Statement), 0) == 0
    error_message = "without readers the bucket policy must allow nothing"
  }
  assert {
    condition     = try(length(jsondecode(data.aws_iam_policy_document.readers_key.json).Statement), 0) == 0
    error_message = "without readers the key policy must name nobody else"
  }
  assert {
    condition     = output.key_alias == "alias/slipway-stage-artifacts-222222222222"
    error_message = "without an alias the key is named as the bucket"
  }
}

run "readers_read_releases_and_nothing_else" {
  command = plan

  variables {
    key_alias        = "slipway-stage-artifacts"
    reader_role_arns = ["arn:aws:iam::333333333333:role/slipway-public-promote"]
    pruner_role_arns = ["arn:aws:iam::222222222222:role/slipway-stage-prune"]
  }

  assert {
    condition = [
      for s in jsondecode(data.aws_iam_policy_document.readers.json).Statement : [s.Sid, s.Effect, s.Principal.AWS, flatten([s.Resource])]
      ] == [
      ["AllowReadersToRead", "Allow", "arn:aws:iam::333333333333:role/slipway-public-promote", ["arn:aws:s3:::slipway-stage-artifacts-222222222222/releases/*"]],
      ["AllowReadersToList", "Allow", "arn:aws:iam::333333333333:role/slipway-public-promote", ["arn:aws:s3:::slipway-stage-artifacts-222222222222"]],
    ]
    error_message = "readers must reach releases/ only"
  }
  assert {
    condition = alltrue([
      for action in flatten(jsondecode(data.aws_iam_policy_document.readers.json).Statement[*].Action) :
      startswith(action, "s3:GetObject") || action == "s3:ListBucket"
    ])
    error_message = "readers must only read and list"
  }
  assert {
    condition     = jsondecode(data.aws_iam_policy_document.readers.json).Statement[1].Condition == { StringLike = { "s3:prefix" = "releases/*" } }
    error_message = "readers must list below releases/ only"
  }
  assert {
    condition = jsondecode(data.aws_iam_policy_document.readers_key.json).Statement[0] == {
      Sid       = "AllowReadersToDecryptThroughS3"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::333333333333:role/slipway-public-promote" }
      Action    = "kms:Decrypt"
      Resource  = "*"
      Condition = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } }
    }
    error_message = "readers must decrypt through S3 only"
  }
  assert {
    condition = one([
      for s in jsondecode(data.aws_iam_policy_document.immutability.json).Statement : s.Condition if s.Sid == "DenyDeletingToOthers"
    ]) == { ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::222222222222:role/slipway-stage-prune" } }
    error_message = "only the pruner may delete"
  }
  assert {
    condition = one([
      for s in jsondecode(data.aws_iam_policy_document.immutability.json).Statement : !contains(keys(s), "Condition") if s.Sid == "DenyDeletingVersions"
    ])
    error_message = "not even the pruner may delete versions"
  }
  assert {
    condition     = output.key_alias == "alias/slipway-stage-artifacts"
    error_message = "the alias must be taken"
  }
}

run "records_are_deleted_by_nobody" {
  command = plan

  variables {
    immutable_prefixes = ["audit/", "evidence/", "release-index/", "releases/"]
    pruner_role_arns   = ["arn:aws:iam::222222222222:role/slipway-stage-prune"]
  }

  assert {
    condition = {
      for s in jsondecode(data.aws_iam_policy_document.immutability.json).Statement :
      s.Sid => join(" ", [for arn in sort(flatten([s.Resource])) : split(":::slipway-stage-artifacts-222222222222/", arn)[1]])
      } == {
      DenyDeleting         = "audit/* evidence/* release-index/*"
      DenyDeletingToOthers = "releases/*"
      DenyDeletingVersions = "audit/* evidence/* release-index/* releases/*"
      DenyOverwriting      = "audit/* evidence/* release-index/* releases/*"
    }
    error_message = "the pruner may delete releases, and nobody the records"
  }
  assert {
    condition = !contains(keys(one([
      for s in jsondecode(data.aws_iam_policy_document.immutability.json).Statement : s if s.Sid == "DenyDeleting"
    ])), "Condition")
    error_message = "records must be deleted by nobody, whoever prunes"
  }
}

run "expires_only_what_nobody_needs_again" {
  command = plan

  variables {
    retention = { async_days = 3, capture_days = 30, training_days = 60 }
  }

  assert {
    condition = {
      for name, rule in module.bucket.lifecycle_rules : rule.prefix => rule.expiration_days if rule.expiration_days != null
    } == { "async/" = 3, "capture/" = 30, "plans/" = 7, "training/" = 60 }
    error_message = "only answers, captures, plans and training outputs may expire while they are current"
  }
  assert {
    condition     = module.bucket.lifecycle_rules["plans"].noncurrent_days == 1
    error_message = "a shared plan that expired must not stay as an earlier version"
  }
}

run "readers_are_of_the_organization" {
  command = plan

  variables {
    reader_role_arns = ["arn:aws:iam::333333333333:role/slipway-public-promote"]
    organization_id  = "o-a1b2c3d4e5"
  }

  assert {
    condition = alltrue([
      for s in concat(
        jsondecode(data.aws_iam_policy_document.readers.json).Statement,
        jsondecode(data.aws_iam_policy_document.readers_key.json).Statement,
      ) : s.Condition.StringEquals["aws:PrincipalOrgID"] == "o-a1b2c3d4e5"
    ])
    error_message = "every grant to readers must ask for the organization"
  }
}

run "one_role_writes_where_it_counts" {
  command = plan

  variables {
    exclusive_writers = { "break-glass/" = "arn:aws:iam::222222222222:role/slipway-stage-break-glass" }
  }

  assert {
    condition = jsondecode(data.aws_iam_policy_document.writers.json).Statement == [{
      Sid       = "DenyWritingBreakGlassByOthers"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::slipway-stage-artifacts-222222222222/break-glass/*"
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::222222222222:role/slipway-stage-break-glass" } }
    }]
    error_message = "nobody else may write there, whatever their IAM says"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "example_complete" {
  command = plan

  module {
    source = "./examples/complete"
  }
}
