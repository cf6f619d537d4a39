locals {
  # What the one word in `deployment` means. The README prints this table: `make docs` after a change.
  # percent: of capacity in each step; seconds: between steps, before the old instances go, until SageMaker gives up.
  deployment_profiles = {
    instant  = { strategy = "all_at_once", percent = 100, wait_s = 0, termination_wait_s = 120, max_s = 1800, suits = "where nobody depends on the endpoint: all traffic at once, two minutes to come back" }
    quick    = { strategy = "canary", percent = 50, wait_s = 120, termination_wait_s = 120, max_s = 1800, suits = "a rehearsal: half of the capacity for two minutes" }
    standard = { strategy = "canary", percent = 10, wait_s = 300, termination_wait_s = 300, max_s = 2700, suits = "most endpoints: a tenth for five minutes" }
    cautious = { strategy = "canary", percent = 5, wait_s = 900, termination_wait_s = 600, max_s = 3300, suits = "answers that cost money: a twentieth for a quarter of an hour, and ten minutes to come back" }
    gradual  = { strategy = "linear", percent = 20, wait_s = 240, termination_wait_s = 300, max_s = 3300, suits = "load that shows only with load: five steps" }
    rolling  = { strategy = "rolling", percent = 25, wait_s = 180, termination_wait_s = 0, max_s = 3300, suits = "large or scarce instances: no second fleet, a quarter at a time" }
  }
  deployment_profile = try(local.deployment_profiles[var.deployment], local.deployment_profiles.standard)

  deployment_strategy = coalesce(try(var.deployment_overrides.strategy, null), local.deployment_profile.strategy)
  # A return to what was live goes at once, whatever the preset: every minute of it is an outage.
  deployment = var.returning ? { strategy = "all_at_once", percent = 100, wait_s = 0, termination_wait_s = 0, max_s = 1800 } : {
    strategy = local.deployment_strategy
    # what a strategy does not have is not taken from the preset of another
    percent            = try(coalesce(var.deployment_overrides.percent), local.deployment_strategy == "all_at_once" ? 100 : local.deployment_profile.percent)
    wait_s             = try(coalesce(var.deployment_overrides.wait_s), local.deployment_strategy == "all_at_once" ? 0 : local.deployment_profile.wait_s)
    termination_wait_s = try(coalesce(var.deployment_overrides.termination_wait_s), local.deployment_strategy == "rolling" ? 0 : local.deployment_profile.termination_wait_s)
    max_s              = try(coalesce(var.deployment_overrides.max_s), local.deployment_profile.max_s)
  }
  deployment_words = "deployment ${var.deployment}${var.deployment_overrides == null ? "" : " with overrides"} (${local.deployment.strategy})"

  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html and API_RollingUpdatePolicy.html
  deployment_bounds = {
    all_at_once = { least = 100, most = 100 }
    canary      = { least = 1, most = 50 }
    linear      = { least = 10, most = 50 }
    rolling     = { least = 5, most = 50 }
  }
  deployment_waits = {
    all_at_once = 0
    canary      = 1
    linear      = ceil(100 / max(1, local.deployment.percent))
    rolling     = ceil(100 / max(1, local.deployment.percent))
  }
  # seconds in which alarms watch the new instances
  deployment_wait_s = try(local.deployment_waits[local.deployment.strategy], 0) * local.deployment.wait_s + local.deployment.termination_wait_s
}
