# Who may assume the role, and what it may do then.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::333333333333:role/slipway-production-ranker-caller-search" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name           = "slipway-production-ranker-caller-search"
  endpoint_arns  = ["arn:aws:sagemaker:eu-west-1:333333333333:endpoint/slipway-production-ranker"]
  principal_arns = ["arn:aws:iam::444444444444:role/search-application"]
}

run "without_external_id" {
  command = plan

  assert {
    condition = (
      length(data.aws_iam_policy_document.trust.statement) == 1 && length(data.aws_iam_policy_document.trust.statement[0].condition) == 0 &&
      data.aws_iam_policy_document.trust.statement[0].actions == toset(["sts:AssumeRole"]) &&
      [for principal in data.aws_iam_policy_document.trust.statement[0].principals : principal.identifiers] == [toset(["arn:aws:iam::444444444444:role/search-application"])]
    )
    error_message = "the named principal assumes the role, and nobody else"
  }
  assert {
    condition = (
      length(data.aws_iam_policy_document.invoke.statement) == 1 &&
      data.aws_iam_policy_document.invoke.statement[0].actions == toset(["sagemaker:InvokeEndpoint"]) &&
      data.aws_iam_policy_document.invoke.statement[0].resources == var.endpoint_arns
    )
    error_message = "the role invokes the listed endpoints, and nothing else"
  }
  assert {
    condition     = aws_iam_role.this.permissions_boundary == null
    error_message = "without a boundary there is none"
  }
  assert {
    condition     = aws_iam_role.this.tags.endpoints == "slipway-production-ranker" && aws_iam_role.this.max_session_duration == 3600
    error_message = "the role says what it is for"
  }
}

run "callers_come_from_the_organization" {
  command = plan

  variables {
    organization_id = "o-a1b2c3d4e5"
  }

  assert {
    condition = [
      for condition in data.aws_iam_policy_document.trust.statement[0].condition : "${condition.test} ${condition.variable} ${join(",", condition.values)}"
    ] == ["StringEquals aws:PrincipalOrgID o-a1b2c3d4e5"]
    error_message = "a caller without an external id must be of the organization"
  }
}

run "with_external_id_and_two_endpoints" {
  command = plan

  variables {
    organization_id = "o-a1b2c3d4e5" # a third party is in no organization of ours
    boundary_arn    = "arn:aws:iam::333333333333:policy/slipway-production-workload"
    external_id     = "search-2026"
    endpoint_arns = [
      "arn:aws:sagemaker:eu-west-1:333333333333:endpoint/slipway-production-ranker",
      "arn:aws:sagemaker:eu-west-1:333333333333:endpoint/slipway-production-speller",
    ]
  }

  assert {
    condition = [
      for condition in data.aws_iam_policy_document.trust.statement[0].condition : "${condition.test} ${condition.variable} ${join(",", condition.values)}"
    ] == ["StringEquals sts:ExternalId search-2026"]
    error_message = "the caller must present its external id"
  }
  assert {
    condition     = data.aws_iam_policy_document.invoke.statement[0].resources == var.endpoint_arns && aws_iam_role.this.tags.endpoints == "slipway-production-ranker slipway-production-speller"
    error_message = "both endpoints are listed"
  }
  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.boundary_arn
    error_message = "the role is below its boundary"
  }
}

run "example_minimal" {
  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = output.role_arn == "arn:aws:iam::333333333333:role/slipway-production-ranker-caller-search"
    error_message = "the role is ${output.role_arn}"
  }
}
