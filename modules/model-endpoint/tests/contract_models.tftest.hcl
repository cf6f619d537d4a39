# One run for each refusal: every one of them comes at plan time, before AWS is asked for anything.

mock_provider "aws" {}

variables {
  name   = "slipway-qa-ranker"
  region = "eu-west-1"
  live   = "r1-0badcafe"
}

run "fixtures" {
  command = plan

  module {
    source = "./tests/fixtures"
  }
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { image = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker:latest" }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_an_image_from_elsewhere" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { image = "docker.io/library/python@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_model_data_that_is_no_archive_in_s3" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { model_data_url = "https://example.com/model.tar.gz" }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_an_execution_role_that_is_no_role" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { execution_role_arn = "arn:aws:iam::222222222222:user/someone" }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_an_environment_name_with_a_hyphen" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { environment = { MY-NAME = "x" } }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_an_environment_value_that_is_too_long" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { environment = { NAME = format("%1025s", "x") } }) }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_subnets_without_security_groups" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
        network  = { subnet_ids = ["subnet-0a", "subnet-0b"] }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_security_groups_without_subnets" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
        network  = { security_group_ids = ["sg-0a"] }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_a_model_name_beyond_63_characters" {
  command = plan

  variables {
    name = "slipway-qa-ranker-with-a-name-that-is-long"
    live = "r1-0badcafe"
    revisions = {
      "r1-0badcafe" = {
        variants = { challenger = run.fixtures.first }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_a_subnet_that_is_none" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
        network  = { subnet_ids = ["10.0.0.0/24", "subnet-0a"], security_group_ids = ["sg-0a"] }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_six_security_groups" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
        network  = { subnet_ids = ["subnet-0a", "subnet-0b"], security_group_ids = [for i in range(6) : "sg-${i}"] }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "refuses_an_isolated_container_that_must_fetch_its_source" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = merge(run.fixtures.first, { environment = { SAGEMAKER_SUBMIT_DIRECTORY = "s3://slipway-qa-artifacts-222222222222/releases/ranker/source.tar.gz" } }) }
        network  = { isolation = true }
      }
    }
  }

  expect_failures = [aws_sagemaker_model.this]
}

run "warns_of_one_subnet" {
  command = plan

  variables {
    revisions = {
      "r1-0badcafe" = {
        variants = { main = run.fixtures.first }
        network  = { subnet_ids = ["subnet-0a"], security_group_ids = ["sg-0a"] }
      }
    }
  }

  expect_failures = [check.subnets]
}
