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
  name       = "slipway-stage-ranker-execution"
  model      = "ranker"
  account_id = "222222222222"
  region     = "eu-west-1"

  artifact_store = { bucket = "slipway-stage-artifacts-222222222222", key_alias = "alias/slipway-stage-artifacts" }
  repository_arn = "arn:aws:ecr:eu-west-1:222222222222:repository/slipway/ranker"
}

run "serves_one_model" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid       = "LetSageMakerOfThisAccountAssume"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = "222222222222" } }
    }]
    error_message = "only SageMaker, for this account, may assume the role"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Resource if s.Sid == "ReadArtifacts"
    ]) == "arn:aws:s3:::slipway-stage-artifacts-222222222222/releases/ranker/*"
    error_message = "it must read the releases of its own model only"
  }
  assert {
    condition = join(" ", sort(one([
      for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Resource if s.Sid == "WriteOutputs"
    ]))) == "arn:aws:s3:::slipway-stage-artifacts-222222222222/async/* arn:aws:s3:::slipway-stage-artifacts-222222222222/capture/*"
    error_message = "it must write captured requests and asynchronous answers only"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.runtime.policy).Statement : s.Resource if s.Sid == "TellTopics"
    ]) == "arn:aws:sns:eu-west-1:222222222222:slipway-stage-*"
    error_message = "it must tell topics of its own environment only"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Condition if s.Sid == "UseArtifactKeyThroughS3"
      ]) == {
      "StringEquals"             = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" }
      "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/slipway-stage-artifacts" }
    }
    error_message = "it must use the store's key only, and through S3 only"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.runtime.policy).Statement : s.Resource if s.Sid == "PullOwnImage"
    ]) == "arn:aws:ecr:eu-west-1:222222222222:repository/slipway/ranker"
    error_message = "it must pull its own image only"
  }
  assert {
    condition = [
      for s in concat(jsondecode(aws_iam_role_policy.artifacts.policy).Statement, jsondecode(aws_iam_role_policy.runtime.policy).Statement) : s.Sid if s.Resource == "*"
    ] == ["LogInToRegistry", "WriteMetrics"]
    error_message = "no statement may have a wildcard resource where the action knows one"
  }
  assert {
    condition     = length(aws_iam_role_policy.network) == 0 && aws_iam_role.this.permissions_boundary == null
    error_message = "network and boundary were not asked for"
  }
  assert {
    condition     = output.arn == "arn:aws:iam::222222222222:role/slipway-stage-ranker-execution"
    error_message = "the ARN must be known in the plan"
  }
}

run "trains_within_bounds_and_network" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-workload"
    network      = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1", "sg-2"] }
    training     = { inputs = { clicks = { bucket = "lake", prefix = "clicks/" } } }
  }

  assert {
    condition = join(" ", sort(one([
      for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Resource if s.Sid == "WriteOutputs"
    ]))) == "arn:aws:s3:::slipway-stage-artifacts-222222222222/async/* arn:aws:s3:::slipway-stage-artifacts-222222222222/capture/* arn:aws:s3:::slipway-stage-artifacts-222222222222/training/*"
    error_message = "a training role must write training/ too"
  }
  assert {
    condition = {
      for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Sid => s.Resource if endswith(s.Sid, "ClicksInput")
    } == { ListClicksInput = "arn:aws:s3:::lake", ReadClicksInput = "arn:aws:s3:::lake/clicks/*" }
    error_message = "a training role must read its inputs"
  }
  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::222222222222:policy/slipway-stage-workload"
    error_message = "the boundary must be taken"
  }
  assert {
    condition = join(" ", sort(one([
      for s in jsondecode(aws_iam_role_policy.network["this"].policy).Statement : s.Resource if s.Sid == "AttachInterfaces"
      ]))) == join(" ", [
      "arn:aws:ec2:eu-west-1:222222222222:network-interface/*",
      "arn:aws:ec2:eu-west-1:222222222222:security-group/sg-1",
      "arn:aws:ec2:eu-west-1:222222222222:security-group/sg-2",
      "arn:aws:ec2:eu-west-1:222222222222:subnet/subnet-1",
    ])
    error_message = "it must attach to the named subnets and security groups only"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.network["this"].policy).Statement : s.Condition if s.Sid == "ManageInterfacesOfSubnets"
    ]) == { ArnEquals = { "ec2:Subnet" = "arn:aws:ec2:eu-west-1:222222222222:subnet/subnet-1" } }
    error_message = "it must manage interfaces of the named subnets only"
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

run "trains_on_its_own_data_sets" {
  command = plan

  variables {
    training = {}
  }

  assert {
    condition = contains(flatten([
      for s in jsondecode(aws_iam_role_policy.artifacts.policy).Statement : s.Resource if s.Sid == "ReadArtifacts"
    ]), "arn:aws:s3:::slipway-stage-artifacts-222222222222/datasets/ranker/*")
    error_message = "a training role must read its model's data sets"
  }
}
