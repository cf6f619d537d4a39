# One run for each refusal.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name           = "slipway-production-ranker-caller-search"
  endpoint_arns  = ["arn:aws:sagemaker:eu-west-1:333333333333:endpoint/slipway-production-ranker"]
  principal_arns = ["arn:aws:iam::444444444444:role/search-application"]
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    boundary_arn = "boundary"
  }

  expect_failures = [var.boundary_arn]
}

run "refuses_no_endpoint" {
  command = plan

  variables {
    endpoint_arns = []
  }

  expect_failures = [var.endpoint_arns]
}

run "refuses_every_endpoint" {
  command = plan

  variables {
    endpoint_arns = ["arn:aws:sagemaker:eu-west-1:333333333333:endpoint/*"]
  }

  expect_failures = [var.endpoint_arns]
}

run "refuses_what_is_no_endpoint" {
  command = plan

  variables {
    endpoint_arns = ["arn:aws:sagemaker:eu-west-1:333333333333:model/ranker"]
  }

  expect_failures = [var.endpoint_arns]
}

run "refuses_an_external_id_with_a_space" {
  command = plan

  variables {
    external_id = "search application"
  }

  expect_failures = [var.external_id]
}

run "refuses_an_external_id_of_one_letter" {
  command = plan

  variables {
    external_id = "a"
  }

  expect_failures = [var.external_id]
}

run "refuses_a_name_beyond_64_characters" {
  command = plan

  variables {
    name = "a123456789-123456789-123456789-123456789-123456789-123456789-12345"
  }

  expect_failures = [var.name]
}

run "refuses_nobody" {
  command = plan

  variables {
    principal_arns = []
  }

  expect_failures = [var.principal_arns]
}

run "refuses_a_whole_account" {
  command = plan

  variables {
    principal_arns = ["arn:aws:iam::444444444444:root"]
  }

  expect_failures = [var.principal_arns]
}

run "refuses_everybody" {
  command = plan

  variables {
    principal_arns = ["*"]
  }

  expect_failures = [var.principal_arns]
}

run "refuses_a_wildcard_role" {
  command = plan

  variables {
    principal_arns = ["arn:aws:iam::444444444444:role/*"]
  }

  expect_failures = [var.principal_arns]
}

run "refuses_a_session" {
  command = plan

  variables {
    principal_arns = ["arn:aws:sts::444444444444:assumed-role/search-application/session"]
  }

  expect_failures = [var.principal_arns]
}

run "refuses_an_organization_that_is_none" {
  command = plan

  variables {
    organization_id = "example"
  }

  expect_failures = [var.organization_id]
}
