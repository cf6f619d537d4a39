# environments/<environment>/environment.tfvars sets exactly this variable, and all roots declare it alike.

variable "environment" {
  description = "The AWS account and region to work in, and its neighbours. `promotes_from` null means the first of the chain."
  type = object({
    name       = string
    account_id = string
    region     = string
    project    = optional(string, "slipway")
    owner      = string
    repository = string
    promotes_from = optional(object({
      name       = string
      account_id = string
      region     = string
    }))
    promotes_to = optional(map(object({
      account_id = string
      region     = string
    })), {})
    replicates_images_to = optional(map(object({
      account_id = string
      region     = string
    })), {})
    replicates_images_from = optional(map(object({
      account_id = string
    })), {})
    organization_id = optional(string)
    operators       = optional(set(string), [])
    models          = optional(map(object({})), {})
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.environment.account_id)) && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.environment.region))
    error_message = "environment ${var.environment.name}: account_id has 12 digits in quotes, and region looks like eu-west-1. Correct environment.tfvars."
  }

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.environment.name)) && can(regex("^[a-z0-9](-?[a-z0-9])*$", var.environment.project))
    error_message = "environment ${var.environment.name}: name and project have lower-case letters, digits and single hyphens. Correct environment.tfvars."
  }

  validation {
    condition     = var.environment.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.environment.organization_id))
    error_message = "environment ${var.environment.name}: organization_id looks like o-a1b2c3d4e5, or is left out. Correct environment.tfvars."
  }
}
