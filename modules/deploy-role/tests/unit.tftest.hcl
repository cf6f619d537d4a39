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
  access      = "promote"
  project     = "slipway"
  environment = "stage"
  account_id  = "222222222222"
  region      = "eu-west-1"

  boundary_arn          = "arn:aws:iam::222222222222:policy/slipway-stage-deployment"
  workload_boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-workload"
}

run "account_decides_without_operators" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid       = "LetOperatorsAssume"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:aws:iam::222222222222:root" }
    }]
    error_message = "without operators and pipelines only the account's own principals may assume the role"
  }
  assert {
    condition     = aws_iam_role.this.name == "slipway-stage-promote" && aws_iam_role.this.permissions_boundary == "arn:aws:iam::222222222222:policy/slipway-stage-deployment"
    error_message = "the role must have its contract's name and its boundary"
  }
}

run "operators_and_pipelines_assume" {
  command = plan

  variables {
    operator_arns = ["arn:aws:iam::222222222222:role/ml-platform"]
    identity_providers = {
      github = {
        arn      = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"
        host     = "token.actions.githubusercontent.com"
        audience = "sts.amazonaws.com"
        subjects = ["repo:example/slipway:environment:stage"]
      }
    }
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal.AWS == "arn:aws:iam::222222222222:role/ml-platform"
    error_message = "named operators take the account's place"
  }
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[1] == {
      Sid       = "LetPipelinesOfGithubAssume"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = "repo:example/slipway:environment:stage" }
      }
    }
    error_message = "a pipeline must be held to audience and subject"
  }
}

run "first_of_the_chain_pushes_images" {
  command = plan

  assert {
    condition = (
      contains(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid, "PushImages")
      && !anytrue([for sid in jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid : strcontains(sid, "Source")])
    )
    error_message = "where releases are made images are pushed, and there is no source to read"
  }
}

run "later_ones_read_their_source" {
  command = plan

  variables {
    promotes_from = { name = "lab", account_id = "111111111111", region = "eu-central-1" }
  }

  assert {
    condition     = !contains(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid, "PushImages")
    error_message = "images arrive by replication, nobody pushes them here"
  }
  assert {
    condition = join(" ", one([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Sid == "ReadSourceReleases"
    ])) == "arn:aws:s3:::slipway-lab-artifacts-111111111111/releases/* arn:aws:s3:::slipway-lab-artifacts-111111111111/evidence/*"
    error_message = "it must read releases and evidence of its source only"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : [s.Resource, s.Condition] if s.Sid == "VerifySourceEvidence"
    ]) == ["arn:aws:kms:eu-central-1:111111111111:key/*", { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/slipway-lab-evidence" } }]
    error_message = "it must verify by the source's evidence key only"
  }
  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : [s.Sid, s.Resource, s.Condition] if contains(flatten([s.Action]), "kms:Sign")
      ] == [["SignEvidence", "arn:aws:kms:eu-west-1:222222222222:key/*", {
        "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/slipway-stage-evidence" }
        "StringEquals"             = { "kms:MessageType" = "DIGEST" }
    }]]
    error_message = "it signs with its own environment's evidence key, and digests only"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DecryptSourceReleases"
      ]) == ["kms:Decrypt", "arn:aws:kms:eu-central-1:111111111111:key/*", {
      "StringEquals"             = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" }
      "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/slipway-lab-artifacts" }
    }]
    error_message = "it must decrypt with the source store's key only, through S3 of the source's region"
  }
  assert {
    condition = length([
      for action in flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action) : action
      if can(regex("^iam:|\\*|sagemaker:(Create|Update|Delete)Endpoint|s3:Delete", action))
    ]) == 0
    error_message = "the glue changes no endpoint, no role, and deletes no object"
  }
}

run "plan_reads_only" {
  command = plan

  variables {
    access = "plan"
  }

  assert {
    condition = join(" ", sort([
      for action in flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action) : action
      if !can(regex(":(Get|List|Describe|Decrypt$)", action))
    ])) == "kms:GenerateDataKey s3:PutObject"
    error_message = "planning must change nothing, not even the lock of a state; it hands its plan on"
  }
  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if contains(flatten([s.Action]), "s3:PutObject")
    ] == ["arn:aws:s3:::slipway-stage-artifacts-222222222222/plans/pull-requests/*"]
    error_message = "a pull request's plan must lie where nobody takes it for a deployment's"
  }
}

run "people_come_from_the_organization" {
  command = plan

  variables {
    organization_id = "o-a1b2c3d4e5"
    identity_providers = {
      github = {
        arn      = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"
        host     = "token.actions.githubusercontent.com"
        audience = "sts.amazonaws.com"
        subjects = ["repo:example/slipway:environment:stage"]
      }
    }
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_role.this.assume_role_policy).Statement : s.Sid if can(s.Condition.StringEquals["aws:PrincipalOrgID"])
    ] == ["LetOperatorsAssume"]
    error_message = "people must come from the organization; a pipeline's identity is in none"
  }
}

run "foundations_take_over_no_key" {
  command = plan

  variables {
    access = "deploy-foundation"
  }

  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Condition if s.Sid == "TagNewKeys"
      ]) == {
      StringEquals         = { "aws:RequestTag/root" = "terraform/foundation" }
      StringEqualsIfExists = { "aws:ResourceTag/root" = "terraform/foundation" }
    }
    error_message = "a key of another root must not become the foundation's by a tag"
  }
}

run "deployments_make_bounded_roles_only" {
  command = plan

  variables {
    access = "deploy-foundation"
  }

  assert {
    condition = one([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Condition if s.Sid == "MakeExecutionRoles"
    ]) == { StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::222222222222:policy/slipway-stage-workload" } }
    error_message = "a role must be made below the workload boundary"
  }
  assert {
    condition = length([
      for action in flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action) : action
      if contains(["s3:DeleteBucket", "kms:ScheduleKeyDeletion", "ecr:DeleteRepository", "iam:PassRole", "iam:AttachRolePolicy"], action)
    ]) == 0
    error_message = "stores, keys and repositories are not deleted by a deployment"
  }
}

run "deployments_pass_roles_to_one_service" {
  command = plan

  variables {
    access = "deploy-serving"
  }

  assert {
    condition = {
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid => s.Condition if s.Action == "iam:PassRole"
      } == {
      PassExecutionRoles = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
      PassFunctionRoles  = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }
    error_message = "roles must be passed to the one service that they are for"
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Sid == "UseOwnStates"]) == "arn:aws:s3:::slipway-stage-tfstate-222222222222/serving/*"
    error_message = "serving must reach the states of endpoints only"
  }
}

run "who_promotes_does_not_approve" {
  command = plan

  variables {
    approval_by_others = true
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Condition if s.Action == "sagemaker:CreateModelPackage"
    ] == [{ StringEquals = { "sagemaker:ModelApprovalStatus" = "PendingManualApproval" } }]
    error_message = "what others must approve is registered as waiting"
  }
  assert {
    condition     = !contains(flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action), "sagemaker:UpdateModelPackage")
    error_message = "whoever promotes must not approve"
  }
}

run "approvers_decide_and_do_nothing_else" {
  command = plan

  variables {
    access        = "approve"
    operator_arns = ["arn:aws:iam::222222222222:role/owners"]
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Condition if s.Action == "sagemaker:UpdateModelPackage"
    ] == [{ StringEquals = { "sagemaker:ModelApprovalStatus" = ["Approved", "Rejected"] } }]
    error_message = "an approver says yes or no, and changes nothing else of a package"
  }
  assert {
    condition = join(" ", [
      for action in flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action) : action
      if !can(regex(":(Get|List|Describe|Decrypt$|GenerateDataKey$)", action))
    ]) == "s3:PutObject sagemaker:UpdateModelPackage s3:PutObject"
    error_message = "an approver changes the registry, approves plans, and writes its record"
  }
}

run "breaking_glass_records_and_deploys_nothing" {
  command = plan

  variables {
    access        = "break-glass"
    operator_arns = ["arn:aws:iam::222222222222:role/oncall"]
  }

  assert {
    condition     = one(jsondecode(aws_iam_role.this.assume_role_policy).Statement[*].Principal.AWS) == "arn:aws:iam::222222222222:role/oncall"
    error_message = "only who is named may break the glass"
  }
  assert {
    condition = join(" ", sort(distinct([
      for action in flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action) : action
      if !can(regex(":(Get|List|Describe|Decrypt$|GenerateDataKey$)", action))
    ]))) == "s3:PutObject sns:Publish"
    error_message = "it writes its record and tells people"
  }
}

run "pruning_leaves_evidence_and_versions" {
  command = plan

  variables {
    access = "prune"
  }

  assert {
    condition = join(" ", flatten([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Action == "s3:DeleteObject"
    ])) == "arn:aws:s3:::slipway-stage-artifacts-222222222222/releases/*"
    error_message = "it must delete releases only"
  }
  assert {
    condition     = !contains(flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action), "s3:DeleteObjectVersion")
    error_message = "what was pruned must stay as a version"
  }
}

run "glue_never_writes_emergencies" {
  command = plan

  assert {
    condition = length([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid
      if strcontains(jsonencode(s.Resource), "/break-glass/") && strcontains(jsonencode(s.Action), "s3:Put")
    ]) == 0
    error_message = "a promotion must not be able to write its own excuse"
  }
}

run "training_goes_through_the_queue" {
  command = plan

  variables {
    access             = "train"
    queue_boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-queue"
  }

  assert {
    condition = join(" ", sort(distinct([
      for action in flatten(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Action) : action
      if !can(regex(":(Get|List|Describe|BatchGet|FilterLogEvents$|Query$|Decrypt$|GenerateDataKey$)", action))
    ]))) == "lambda:InvokeFunction lambda:InvokeFunctionUrl s3:PutObject sqs:DeleteMessage sqs:ReceiveMessage"
    error_message = "it must start no job, pass no role, and write neither table nor queues"
  }
  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : try(s.Condition, null)
      if s.Action == "lambda:InvokeFunction" && strcontains(jsonencode(s.Resource), "-submit")
    ] == [{ Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }]
    error_message = "a caller of the function itself could be whoever it likes"
  }
  assert {
    condition = join(" ", flatten([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if contains(flatten([s.Action]), "sqs:ReceiveMessage")
    ])) == "arn:aws:sqs:eu-west-1:222222222222:slipway-stage-training-failures"
    error_message = "it takes messages of no other queue"
  }
}

run "a_queue_is_made_but_never_deleted" {
  command = plan

  variables {
    access             = "deploy-foundation"
    queue_boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-queue"
  }

  assert {
    condition = length([
      for action in flatten(jsondecode(aws_iam_policy.queue["slipway-stage-training"].policy).Statement[*].Action) : action
      if can(regex("^(dynamodb:(Delete|.*Item|Query|Scan)|sqs:(Delete|Purge|Receive|Send)|lambda:Invoke)", action))
    ]) == 0
    error_message = "it must neither delete the table and the queues, nor read or write what is in them"
  }
  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.queue["slipway-stage-training"].policy).Statement : [s.Resource, s.Condition.StringEquals["iam:PassedToService"]] if s.Sid == "PassScheduleRole"
    ] == [["arn:aws:iam::222222222222:role/slipway-stage-training-schedule", "scheduler.amazonaws.com"]]
    error_message = "the schedules' role is for EventBridge Scheduler alone"
  }
  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.queue["slipway-stage-training"].policy).Statement : s.Condition.StringEquals["iam:PermissionsBoundary"] if s.Sid == "MakeQueueRoles"
    ] == ["arn:aws:iam::222222222222:policy/slipway-stage-queue"]
    error_message = "the functions' roles carry the queue's boundary"
  }
  assert {
    condition     = aws_iam_role_policy_attachment.queue["slipway-stage-training"].policy_arn == "arn:aws:iam::222222222222:policy/slipway-stage-deploy-foundation-queue"
    error_message = "a plan must say what it attaches"
  }
}

run "without_a_queue_nothing_is_said_of_one" {
  command = plan

  variables {
    access = "deploy-foundation"
  }

  assert {
    condition     = length(aws_iam_policy.queue) == 0 && !strcontains(aws_iam_role_policy.this.policy, "training")
    error_message = "an environment without a queue needs no permission for one"
  }
}

run "whoever_deploys_endpoints_leaves_the_queue" {
  command = plan

  variables {
    access             = "deploy-serving"
    queue_boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-queue"
  }

  assert {
    condition = contains(
      one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Effect == "Deny"]),
      "arn:aws:lambda:eu-west-1:222222222222:function:slipway-stage-training-*",
    )
    error_message = "the queue's monitor is named like an endpoint's, and is not one"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "example_pipelines" {
  command = plan

  module {
    source = "./examples/pipelines"
  }
}
