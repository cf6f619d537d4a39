mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}", minified_json = "{}" }
  }
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

run "refuses_an_unknown_access" {
  command         = plan
  expect_failures = [var.access]

  variables {
    access = "admin"
  }
}

run "refuses_approvers_without_names" {
  command         = plan
  expect_failures = [aws_iam_role.this]

  variables {
    access = "approve"
  }
}

run "refuses_to_train_without_a_queue" {
  command         = plan
  expect_failures = [aws_iam_role.this]

  variables {
    access = "train"
  }
}

run "refuses_a_queue_boundary_that_is_no_policy" {
  command         = plan
  expect_failures = [var.queue_boundary_arn]

  variables {
    queue_boundary_arn = "queue"
  }
}

run "refuses_an_account_that_lost_digits" {
  command         = plan
  expect_failures = [var.account_id]

  variables {
    account_id = "22222222222"
  }
}

run "refuses_a_boundary_that_is_no_policy" {
  command         = plan
  expect_failures = [var.boundary_arn]

  variables {
    boundary_arn = "deployment"
  }
}

run "refuses_an_environment_with_capitals" {
  command         = plan
  expect_failures = [var.environment]

  variables {
    environment = "STAGE"
  }
}

run "refuses_no_subject" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", host = "token.actions.githubusercontent.com", audience = "sts.amazonaws.com", subjects = [] } }
  }
}

run "refuses_every_repository" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", host = "token.actions.githubusercontent.com", audience = "sts.amazonaws.com", subjects = ["*"] } }
  }
}

run "refuses_every_repository_of_an_owner" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", host = "token.actions.githubusercontent.com", audience = "sts.amazonaws.com", subjects = ["repo:example/*"] } }
  }
}

run "refuses_every_repository_that_begins_alike" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", host = "token.actions.githubusercontent.com", audience = "sts.amazonaws.com", subjects = ["repo:example/slip*:ref:refs/heads/main"] } }
  }
}

run "refuses_all_that_a_repository_runs" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", host = "token.actions.githubusercontent.com", audience = "sts.amazonaws.com", subjects = ["repo:example/slipway:*"] } }
  }
}

run "refuses_every_project_of_an_organisation" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", host = "token.actions.githubusercontent.com", audience = "sts.amazonaws.com", subjects = ["org/0f1e2d3c-0000-4000-8000-000000000001/project/*"] } }
  }
}

run "refuses_a_provider_of_another_host" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/example.com", host = "token.actions.githubusercontent.com", audience = "sts.amazonaws.com", subjects = ["repo:example/slipway:ref:refs/heads/main"] } }
  }
}

run "refuses_no_audience" {
  command         = plan
  expect_failures = [var.identity_providers]

  variables {
    identity_providers = { ci = { arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", host = "token.actions.githubusercontent.com", audience = "", subjects = ["repo:example/slipway:ref:refs/heads/main"] } }
  }
}

run "refuses_any_role_as_operator" {
  command         = plan
  expect_failures = [var.operator_arns]

  variables {
    operator_arns = ["arn:aws:iam::222222222222:role/*"]
  }
}

run "refuses_anybody_as_operator" {
  command         = plan
  expect_failures = [var.operator_arns]

  variables {
    operator_arns = ["*"]
  }
}

run "refuses_a_project_with_wildcards" {
  command         = plan
  expect_failures = [var.project]

  variables {
    project = "*"
  }
}

run "refuses_a_region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  variables {
    region = "europe"
  }
}

run "refuses_a_workload_boundary_that_is_no_policy" {
  command         = plan
  expect_failures = [var.workload_boundary_arn]

  variables {
    workload_boundary_arn = "workload"
  }
}

run "refuses_a_role_name_beyond_64" {
  command         = plan
  expect_failures = [aws_iam_role.this]

  variables {
    environment = "an-environment-with-a-name-that-is-far-too-long-for-a-role"
  }
}
