# What the word and the numbers come to together is checked on the endpoint.

variable "deployment" {
  description = "How traffic moves when `live` moves, in one word: instant, quick, standard, cautious, gradual or rolling, which the table of presets explains. Change it only together with `live`: a change alone makes SageMaker deploy the same config once more."
  type        = string
  default     = "standard"
  nullable    = false

  validation {
    condition     = contains(keys(local.deployment_profiles), var.deployment)
    error_message = "endpoint ${var.name}: deployment is one of ${join(", ", keys(local.deployment_profiles))}, and not ${var.deployment}. Choose one; deployment_overrides changes its numbers."
  }
}

variable "deployment_overrides" {
  description = "Numbers of your own in place of the preset's: `strategy` all_at_once, canary, linear or rolling; `percent` of capacity for each step; `wait_s` seconds between steps; `termination_wait_s` seconds before the old instances go; `max_s` seconds until SageMaker gives up. Null, or a null attribute, takes the preset's."
  type = object({
    strategy           = optional(string)
    percent            = optional(number)
    wait_s             = optional(number)
    termination_wait_s = optional(number)
    max_s              = optional(number)
  })
  default = null

  validation {
    condition     = contains(keys(local.deployment_bounds), try(coalesce(var.deployment_overrides.strategy), "canary"))
    error_message = "endpoint ${var.name}: deployment_overrides.strategy is ${join(", ", keys(local.deployment_bounds))} or null, and not ${try(coalesce(var.deployment_overrides.strategy), "null")}."
  }

  validation {
    condition = var.deployment_overrides == null || alltrue([
      for number in try([
        var.deployment_overrides.percent, var.deployment_overrides.wait_s, var.deployment_overrides.termination_wait_s, var.deployment_overrides.max_s,
      ], []) : try(number >= 0 && floor(number) == number, number == null)
    ])
    error_message = "endpoint ${var.name}: the numbers in deployment_overrides are whole and not negative."
  }

  validation {
    condition = alltrue([
      for wait in try([var.deployment_overrides.wait_s, var.deployment_overrides.termination_wait_s], []) : try(wait <= 3600, true)
    ]) && try(var.deployment_overrides.max_s >= 600 && var.deployment_overrides.max_s <= 3600, true)
    error_message = "endpoint ${var.name}: SageMaker takes waits of 3600 seconds at most. deployment_overrides.max_s is 600 to 3600, because Terraform stops waiting after 3600."
  }
}

variable "returning" {
  description = "Whether `live` was moved back, by a rollback or after a failed deployment: it moves all at once, and only the abort alarm undoes it, because the others may ring for what was live before."
  type        = bool
  default     = false
  nullable    = false
}
