# It only reads: a plan in it is made without a lock (-lock=false), and nobody can apply with it. It may hand its plan to others,
# where nobody takes it for the plan of a deployment (docs/decisions/0027).
locals {
  plan = merge(local.read_foundation, local.read_queue, local.read_serving, local.read_parameter, local.list_states, {
    ReadStates = {
      actions    = ["s3:GetObject"]
      resources  = ["${local.states}/*"]
      conditions = []
    }
    ReadRecords = {
      actions    = ["s3:GetObject"]
      resources  = ["${local.artifacts}/audit/*", "${local.artifacts}/break-glass/*"]
      conditions = []
    }
    ReadPlans = {
      actions    = ["s3:GetObject"]
      resources  = ["${local.artifacts}/plans/*"]
      conditions = []
    }
    SharePlans = {
      actions    = ["s3:PutObject"]
      resources  = ["${local.artifacts}/plans/pull-requests/*"]
      conditions = []
    }
    UseArtifactKey = {
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [local.keys]
      conditions = [local.through_s3, local.of_artifact_key]
    }
    UseStateKey = {
      actions    = ["kms:Decrypt"]
      resources  = [local.keys]
      conditions = [local.through_s3, local.of_state_key]
    }
    ReadStateStore = {
      actions    = ["s3:GetBucket*", "s3:Get*Configuration"]
      resources  = [local.states]
      conditions = []
    }
    ReadDeployments = {
      actions = [
        "iam:GetOpenIDConnectProvider",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListPolicyVersions",
        "iam:ListRolePolicies",
      ]
      resources = [
        "${local.iam}:oidc-provider/*",
        "${local.iam}:policy/${local.prefix}-*",
        "${local.iam}:role/${local.prefix}-*",
      ]
      conditions = []
    }
  })
}
