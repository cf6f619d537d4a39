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
    operators = optional(set(string), [])
    # The AWS organization of all accounts. People, readers and callers must then be of it, and nothing outside it is touched.
    organization_id = optional(string)
    # Pipelines, by name: the issuer's URL, the audience, and which subjects may assume which role. None by default.
    identity_providers = optional(map(object({
      issuer      = string
      audience    = string
      thumbprints = optional(list(string))
      subjects = object({
        plan              = optional(set(string), [])
        deploy-foundation = optional(set(string), [])
        deploy-serving    = optional(set(string), [])
        promote           = optional(set(string), [])
      })
    })), {})
    # Who is told of alarms, by name.
    subscribers = optional(map(object({
      protocol = string
      endpoint = string
    })), {})
    # Days until captured requests, training outputs and replaced versions go; null keeps them.
    retention = optional(object({
      noncurrent_days = optional(number, 90)
      capture_days    = optional(number)
      training_days   = optional(number)
    }), {})
    # Settings of each model's execution role.
    models = optional(map(object({
      training = optional(object({
        inputs = optional(map(object({
          bucket = string
          prefix = string
        })), {})
      }))
      network = optional(object({
        subnet_ids         = set(string)
        security_group_ids = set(string)
      }))
    })), {})
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
    condition = !contains(
      concat(
        values(var.environment.promotes_to)[*].account_id,
        values(var.environment.replicates_images_to)[*].account_id,
        values(var.environment.replicates_images_from)[*].account_id,
        [try(var.environment.promotes_from.account_id, "none")],
      ), var.environment.account_id
    )
    error_message = "environment ${var.environment.name}: promotes and replicates with other accounts, never with its own, ${var.environment.account_id}. Correct environment.tfvars."
  }

  validation {
    condition     = var.environment.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.environment.organization_id))
    error_message = "environment ${var.environment.name}: organization_id looks like o-a1b2c3d4e5, or is left out. Correct environment.tfvars."
  }
}
