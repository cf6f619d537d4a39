# The examples are what a reader copies first, so they are planned.

mock_provider "aws" {}

run "minimal" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = startswith(output.truth.config, "slipway-qa-ranker-r1-0badcafe-")
    error_message = "wanted is ${output.truth.config}"
  }
}

run "complete" {
  command = plan

  module {
    source = "./examples/complete"
  }

  assert {
    condition     = startswith(output.truth.config, "slipway-qa-ranker-r2-1a2b3c4d-") && length(output.truth.configs) == 2
    error_message = "wanted is ${output.truth.config}"
  }
  assert {
    condition     = keys(output.truth.models["r2-1a2b3c4d"]) == ["candidate", "main"]
    error_message = "the shadow has a model of its own"
  }
}
