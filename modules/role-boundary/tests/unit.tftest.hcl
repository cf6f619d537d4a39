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
  bounds          = "workload"
  project         = "slipway"
  environment     = "stage"
  account_id      = "222222222222"
  region          = "eu-west-1"
  artifact_bucket = "slipway-stage-artifacts-222222222222"
}

run "workloads_administer_nothing" {
  command = plan

  assert {
    condition = length([
      for action in flatten(jsondecode(aws_iam_policy.this.policy).Statement[*].Action) : action
      if can(regex("^(iam|sts|organizations):|\\*|:Delete[^N]|:Put(Bucket|Key|Role)", action))
    ]) == 0
    error_message = "a workload must neither administer nor delete, whatever is attached to its role"
  }
  assert {
    condition = contains(
      one([for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Resource if s.Effect == "Deny" && s.Sid == "DenyReadingStates"]),
      "arn:aws:s3:::slipway-stage-tfstate-222222222222/*",
    )
    error_message = "workloads must not read states"
  }
  assert {
    condition     = output.arn == "arn:aws:iam::222222222222:policy/slipway-stage-workload" && aws_iam_policy.this.name == "slipway-stage-workload"
    error_message = "the boundary's name is a contract: roles name it in conditions"
  }
}

run "deployments_cannot_widen_themselves" {
  command = plan

  variables {
    bounds = "deployment"
  }

  assert {
    condition = one([
      for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Condition if s.Effect == "Deny" && s.Sid == "DenyRolesWithoutBoundary"
    ]) == { StringNotEquals = { "iam:PermissionsBoundary" = ["arn:aws:iam::222222222222:policy/slipway-stage-queue", "arn:aws:iam::222222222222:policy/slipway-stage-workload"] } }
    error_message = "roles without the workload's or the queue's boundary must be denied"
  }
  assert {
    condition = length(setsubtract(
      [for name in ["approve", "break-glass", "deploy-foundation", "deploy-serving", "plan", "promote", "prune", "train"] : "arn:aws:iam::222222222222:role/slipway-stage-${name}"],
      one([for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Resource if s.Effect == "Deny" && s.Sid == "DenyChangingDeployments"]),
    )) == 0
    error_message = "changing any of the deployment roles must be denied"
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Action if s.Sid == "DenyLiftingBoundaries"]) == "iam:DeleteRolePermissionsBoundary"
    error_message = "lifting a boundary must be denied"
  }
  assert {
    condition = contains(
      one([for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Resource if s.Effect == "Deny" && s.Sid == "DenyChangingStateStore"]),
      "arn:aws:s3:::slipway-stage-tfstate-222222222222",
    )
    error_message = "changing the state store must be denied"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Condition if s.Effect == "Deny" && s.Sid == "DenyWritingToOtherAccounts"
      ]) == {
      Null            = { "aws:ResourceAccount" = "false" }
      StringNotEquals = { "aws:ResourceAccount" = "222222222222" }
    }
    error_message = "writing to other accounts must be denied"
  }
  assert {
    condition     = !contains(jsondecode(aws_iam_policy.this.policy).Statement[*].Sid, "DenyOtherOrganizations")
    error_message = "without an organization there is none to stay inside of"
  }
  assert {
    condition     = length(replace(aws_iam_policy.this.policy, "/\\s/", "")) <= 6144
    error_message = "IAM takes 6144 characters for a managed policy"
  }
}

run "deployments_stay_inside_the_organization" {
  command = plan

  variables {
    bounds          = "deployment"
    organization_id = "o-a1b2c3d4e5"
  }

  assert {
    condition = one([
      for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Condition if s.Effect == "Deny" && s.Sid == "DenyOtherOrganizations"
      ]) == {
      Null            = { "aws:ResourceOrgID" = "false" }
      StringNotEquals = { "aws:ResourceOrgID" = "o-a1b2c3d4e5" }
    }
    error_message = "what is outside the organization must be denied"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "a_queue_passes_models_roles_and_nothing_else" {
  command = plan

  variables {
    bounds = "queue"
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.this.policy).Statement : [s.Action, s.Resource, s.Condition] if anytrue([for action in flatten([s.Action]) : startswith(action, "iam:")])
      ] == [["iam:PassRole", "arn:aws:iam::222222222222:role/slipway-stage-*-execution", {
        StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" }
    }]]
    error_message = "all IAM of a queue is handing models' roles to SageMaker"
  }
  assert {
    condition = length([
      for action in flatten(jsondecode(aws_iam_policy.this.policy).Statement[*].Action) : action
      if can(regex("^(sts|organizations):|\\*|:Delete[^M]|:Put(Bucket|Key|Role)|sagemaker:(Create|Update)(Endpoint|Model$|Notebook|Domain|App)|sagemaker:UpdateModelPackage", action))
    ]) == 0
    error_message = "a queue deletes nothing but messages, serves nothing and approves nothing"
  }
  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_policy.this.policy).Statement : try(s.Condition.StringEquals["aws:RequestTag/slipway:queue"], "") == "slipway-stage-training"
      if contains(flatten([s.Action]), "sagemaker:CreateTrainingJob")
    ])
    error_message = "every job must say whose it is"
  }
  assert {
    condition     = length(replace(aws_iam_policy.this.policy, "/\\s/", "")) <= 6144
    error_message = "IAM takes 6144 characters for a managed policy"
  }
}
