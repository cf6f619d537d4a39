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
  alias           = "slipway-stage-evidence"
  account_id      = "222222222222"
  signer_role_arn = "arn:aws:iam::222222222222:role/slipway-stage-promote"
}

run "one_role_signs" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this.policy).Statement : [s.Principal.AWS, s.Condition]
      if s.Effect == "Allow" && contains(flatten([s.Action]), "kms:Sign")
      ] == [["arn:aws:iam::222222222222:role/slipway-stage-promote", {
        StringEquals = { "kms:MessageType" = "DIGEST", "kms:SigningAlgorithm" = "ECDSA_SHA_256" }
    }]]
    error_message = "only the signer may sign, and digests only"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_kms_key.this.policy).Statement : [s.Principal, s.Condition] if s.Effect == "Deny"
    ]) == ["*", { ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::222222222222:role/slipway-stage-promote" } }]
    error_message = "whatever IAM says, others must not sign"
  }
  assert {
    condition = length([
      for action in flatten([for s in jsondecode(aws_kms_key.this.policy).Statement : s.Action if s.Effect == "Allow"]) : action
      if strcontains(action, "*") || action == "kms:CreateGrant"
    ]) == 0
    error_message = "administrators manage the key, and can neither sign with it nor grant it"
  }
  assert {
    condition     = aws_kms_key.this.key_usage == "SIGN_VERIFY" && aws_kms_key.this.customer_master_key_spec == "ECC_NIST_P256" && aws_kms_alias.this.name == "alias/slipway-stage-evidence"
    error_message = "the key signs, and its alias is the contract that verifiers know"
  }
}

run "verifiers_verify" {
  command = plan

  variables {
    verifier_role_arns = ["arn:aws:iam::333333333333:role/slipway-live-promote"]
    organization_id    = "o-a1b2c3d4e5"
  }

  assert {
    condition = one([
      for s in jsondecode(aws_kms_key.this.policy).Statement : [s.Principal.AWS, join(" ", sort(s.Action)), s.Condition] if s.Sid == "AllowVerifiers"
      ]) == ["arn:aws:iam::333333333333:role/slipway-live-promote", "kms:GetPublicKey kms:Verify", {
      StringEquals = { "aws:PrincipalOrgID" = "o-a1b2c3d4e5" }
    }]
    error_message = "verifiers must verify, be of the organization, and do nothing else"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}
