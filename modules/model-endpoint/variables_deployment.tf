variable "deployment" {
  description = "How traffic moves when `live` moves: strategy all_at_once, canary, linear or rolling; `percent` of capacity for each step; `wait_s` seconds between steps; `termination_wait_s` seconds before the old instances go; `max_s` seconds until SageMaker gives up. Null takes the strategy's number from the table in the README. Change it only together with `live`."
  type = object({
    strategy           = optional(string, "canary")
    percent            = optional(number)
    wait_s             = optional(number)
    termination_wait_s = optional(number)
    max_s              = optional(number, 3300)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["all_at_once", "canary", "linear", "rolling"], var.deployment.strategy)
    error_message = "endpoint ${var.name}: deployment.strategy is all_at_once, canary, linear or rolling, and not ${var.deployment.strategy}."
  }

  validation {
    condition = alltrue([
      for number in [var.deployment.percent, var.deployment.wait_s, var.deployment.termination_wait_s, var.deployment.max_s] :
      try(number >= 0 && floor(number) == number, number == null)
    ])
    error_message = "endpoint ${var.name}: the numbers in deployment are whole and not negative."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html and API_RollingUpdatePolicy.html
  validation {
    condition = var.deployment.percent == null || try(
      var.deployment.percent <= { all_at_once = 100, canary = 50, linear = 50, rolling = 50 }[var.deployment.strategy] &&
      var.deployment.percent >= { all_at_once = 100, canary = 1, linear = 10, rolling = 5 }[var.deployment.strategy],
    !contains(["all_at_once", "canary", "linear", "rolling"], var.deployment.strategy))
    error_message = "endpoint ${var.name}: deployment.percent is ${var.deployment.percent == null ? "null" : var.deployment.percent}. A canary takes 1 to 50 percent of capacity, a linear step 10 to 50, a rolling batch 5 to 50; all_at_once takes none, so leave it out."
  }

  validation {
    condition     = var.deployment.strategy != "all_at_once" || try(var.deployment.wait_s == null || var.deployment.wait_s == 0, false)
    error_message = "endpoint ${var.name}: all_at_once has no steps to wait between. Leave deployment.wait_s out; termination_wait_s is its bake."
  }

  validation {
    condition     = var.deployment.strategy != "rolling" || try(var.deployment.termination_wait_s == null || var.deployment.termination_wait_s == 0, false)
    error_message = "endpoint ${var.name}: a rolling deployment replaces instances in place and keeps none to terminate. Leave deployment.termination_wait_s out; wait_s is its bake."
  }

  validation {
    condition = alltrue([
      for wait in [var.deployment.wait_s, var.deployment.termination_wait_s] : try(wait <= 3600, true)
    ]) && try(var.deployment.max_s >= 600 && var.deployment.max_s <= 3600, true)
    error_message = "endpoint ${var.name}: SageMaker takes waits of 3600 seconds at most. deployment.max_s is 600 to 3600, because Terraform stops waiting after 3600."
  }

  validation {
    condition = var.deployment.strategy != "rolling" || !contains(keys(var.revisions), var.live) || try(
    length(var.revisions[var.live].variants) == 1 && length(var.revisions[var.live].shadow_variants) == 0, false)
    error_message = "endpoint ${var.name}: a rolling deployment takes exactly one variant and no shadow, and revision ${var.live} has ${join(", ", try(keys(merge(var.revisions[var.live].variants, var.revisions[var.live].shadow_variants)), []))}. Use canary, linear or all_at_once."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html: real-time and asynchronous endpoints only
  validation {
    condition = var.deployment.strategy == "all_at_once" || alltrue([
      for settings in values(try(var.revisions[var.live].variants, {})) : settings.serverless == null
    ])
    error_message = "endpoint ${var.name}: revision ${var.live} is serverless, and SageMaker moves serverless variants in one step only. Set deployment.strategy to all_at_once."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
  validation {
    condition = var.deployment.strategy == "all_at_once" || alltrue([
      for settings in values(try(var.revisions[var.live].variants, {})) : !startswith(coalesce(settings.instance_type, "-"), "ml.inf1.")
    ])
    error_message = "endpoint ${var.name}: on ml.inf1 instances SageMaker silently falls back to all_at_once without a bake. Set deployment.strategy to all_at_once, so that the plan says what will happen."
  }

  # Forward only: moving back to a revision with other variants must stay possible, and SageMaker decides on it.
  validation {
    condition = var.deployment.strategy == "all_at_once" || try(
      keys(var.revisions[var.revisions[var.live].replaces].variants) == keys(var.revisions[var.live].variants), true
    )
    error_message = "endpoint ${var.name}: revision ${var.live} has other variant names than ${try(coalesce(var.revisions[var.live].replaces), "the one before")}, and traffic cannot be moved step by step between them. Keep the names, or set deployment.strategy to all_at_once for this promotion."
  }
}
