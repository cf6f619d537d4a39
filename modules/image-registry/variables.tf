variable "account_id" {
  description = "The account that owns the registry (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "key_arn" {
  description = "KMS key that encrypts the images; null means AES-256 with a key of S3. Changing it replaces the repositories, and the images in them are lost."
  type        = string
  default     = null

  validation {
    condition     = var.key_arn == null || can(regex("^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/[a-f0-9-]+$", var.key_arn))
    error_message = "key_arn must be the ARN of a key (not of an alias), or null."
  }
}

variable "prefix" {
  description = "First part of every repository's name, the same in every account, because replication keeps names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", var.prefix))
    error_message = "prefix takes lower-case letters and digits, with single dots, underscores or hyphens between them."
  }
}

variable "region" {
  description = "The registry's region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "replicates_from" {
  description = "Accounts, by environment, that may replicate images below the prefix into this registry."
  type        = map(object({ account_id = string }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for source in var.replicates_from : can(regex("^[0-9]{12}$", source.account_id))])
    error_message = "Each account_id of replicates_from must be 12 digits."
  }
}

variable "replicates_to" {
  description = "Registries, by environment, that receive every image pushed below the prefix. Replication does not cascade: name every registry downstream."
  type        = map(object({ account_id = string, region = string }))
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for target in var.replicates_to : can(regex("^[0-9]{12}$", target.account_id)) && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", target.region))
    ])
    error_message = "Each of replicates_to needs an account_id of 12 digits and a region such as eu-west-1."
  }

  validation {
    condition     = length(var.replicates_to) <= 25
    error_message = "replicates_to takes at most 25 registries: ECR has no more destinations in a rule."
  }

  validation {
    condition     = length(distinct([for target in var.replicates_to : "${target.account_id}/${target.region}"])) == length(var.replicates_to)
    error_message = "replicates_to names a registry (account and region) twice."
  }
}

variable "repositories" {
  description = "Repositories by name below the prefix. Images without any tag go after untagged_days; tagged ones are kept for ever unless kept_images counts how many of the newest stay (100 or more); pinned ones (sha256-…) stay in any case."
  type = map(object({
    untagged_days = optional(number, 14)
    kept_images   = optional(number)
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.repositories) : can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", name))])
    error_message = "A repository's name takes lower-case letters and digits, with single dots, underscores or hyphens between them."
  }

  validation {
    condition     = alltrue([for repository in var.repositories : repository.untagged_days >= 1])
    error_message = "untagged_days must be 1 or more."
  }

  validation {
    condition     = alltrue([for repository in var.repositories : repository.kept_images == null || coalesce(repository.kept_images, 0) >= 100])
    error_message = "kept_images must be 100 or more, or null for all: a revision that can be rolled back to must find its image."
  }
}
