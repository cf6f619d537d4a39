variable "account_id" {
  description = "The account of role, bucket, repository and endpoints (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "artifact_store" {
  description = "The artifact store: its bucket's name and its key's alias, with the leading alias/."
  type = object({
    bucket    = string
    key_alias = string
  })
  nullable = false

  validation {
    condition     = startswith(var.artifact_store.key_alias, "alias/")
    error_message = "artifact_store.key_alias needs its leading alias/."
  }
}

variable "boundary_arn" {
  description = "Permissions boundary of the role; null sets none."
  type        = string
  default     = null

  validation {
    condition     = var.boundary_arn == null || can(regex("^arn:aws:iam::([0-9]{12}|aws):policy/.+$", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of an IAM policy, or null."
  }
}

variable "model" {
  description = "The model whose releases the role may read: 1 to 24 lower-case letters, digits and single hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9]){0,23}$", var.model))
    error_message = "model takes 1 to 24 lower-case letters, digits and single hyphens."
  }
}

variable "name" {
  description = "The role's name, 64 characters at most."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "A role's name has 1 to 64 letters, digits and +=,.@_-; shorten project, environment or model."
  }
}

variable "network" {
  description = "Subnets and security groups that containers of this role may attach to; null means that they run outside of a VPC of yours."
  type = object({
    subnet_ids         = set(string)
    security_group_ids = set(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(var.network.subnet_ids) > 0 && length(var.network.security_group_ids) > 0, false)
    error_message = "network needs at least one subnet id and one security group id; null turns it off."
  }

  validation {
    condition = var.network == null || try(
      alltrue([for id in var.network.subnet_ids : startswith(id, "subnet-")]) &&
      alltrue([for id in var.network.security_group_ids : startswith(id, "sg-")]), false
    )
    error_message = "network takes subnet ids (subnet-...) and security group ids (sg-...)."
  }
}

variable "region" {
  description = "The region of bucket, repository and endpoints."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "repository_arn" {
  description = "The one image repository that the role may pull from."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:ecr:[a-z0-9-]+:[0-9]{12}:repository/[a-z0-9._/-]+$", var.repository_arn))
    error_message = "repository_arn must be one repository's ARN, without wildcards."
  }
}

variable "training" {
  description = "Makes this also the role of training jobs, which read and write training/ of the artifact store and read its datasets/<model>/; inputs are further places to read, by name. Null means serving only."
  type = object({
    inputs = optional(map(object({
      bucket = string
      prefix = string
    })), {})
  })
  default = null

  validation {
    condition     = alltrue([for input in try(var.training.inputs, {}) : can(regex("^[^*?]+/$", input.prefix))])
    error_message = "Each prefix of training.inputs needs its trailing slash and no wildcards: a whole bucket is more than a job reads."
  }
}
