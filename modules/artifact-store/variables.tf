variable "access_log" {
  description = "Where S3 writes the store's access log: a bucket of the same account and region, and a key prefix; null writes none."
  type = object({
    bucket = string
    prefix = optional(string, "")
  })
  default = null
}

variable "account_id" {
  description = "The account that owns the store (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "exclusive_writers" {
  description = "Key prefixes, each with its trailing slash, with the one role that may write below it."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for prefix in keys(var.exclusive_writers) : can(regex("^[a-z0-9][a-z0-9/-]*/$", prefix))])
    error_message = "Each prefix of exclusive_writers needs its trailing slash and holds lower-case letters, digits, hyphens and slashes."
  }

  validation {
    condition     = alltrue([for arn in values(var.exclusive_writers) : can(regex("^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "exclusive_writers takes exact role ARNs without wildcards, such as arn:aws:iam::111111111111:role/break-glass."
  }
}

variable "immutable_prefixes" {
  description = "Key prefixes, each with its trailing slash, whose objects are written once: no overwriting, no deletion."
  type        = set(string)
  default     = ["releases/"]
  nullable    = false

  validation {
    condition     = alltrue([for prefix in var.immutable_prefixes : can(regex("^[a-z0-9][a-z0-9/-]*/$", prefix))])
    error_message = "Each of immutable_prefixes needs its trailing slash and holds lower-case letters, digits, hyphens and slashes."
  }

  validation {
    condition = !anytrue([
      for prefix in var.immutable_prefixes : anytrue([for expiring in ["async/", "capture/", "training/"] : startswith(prefix, expiring)])
    ])
    error_message = "What lies below async/, capture/ or training/ expires: an immutable prefix cannot be there."
  }
}

variable "key_alias" {
  description = "Alias of the store's KMS key without the leading alias/; policies of other roles find the key by it. Null takes the bucket's name."
  type        = string
  default     = null
}

variable "name" {
  description = "The bucket's name, 3 to 63 characters, unique in the world."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit."
  }
}

variable "organization_id" {
  description = "The AWS organization that readers must be of; null asks for none."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-a1b2c3d4e5, or is null."
  }
}

variable "prunable_prefixes" {
  description = "Those of the immutable prefixes below which pruner_role_arns may delete. Never evidence/ or audit/: they say what happened. Nor should it be release-index/: an id is never given twice."
  type        = set(string)
  default     = ["releases/"]
  nullable    = false

  validation {
    condition = alltrue([
      for prefix in var.prunable_prefixes : can(regex("^[a-z0-9][a-z0-9/-]*/$", prefix)) && !startswith(prefix, "audit/") && !startswith(prefix, "evidence/")
    ])
    error_message = "Each of prunable_prefixes needs its trailing slash, and audit/ and evidence/ are never pruned."
  }
}

variable "pruner_role_arns" {
  description = "Roles that may delete below the prunable prefixes: they leave delete markers, retention.noncurrent_days later the bytes go. Empty means nobody. Deleting versions is for nobody in any case."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.pruner_role_arns : can(regex("^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "pruner_role_arns takes exact role ARNs without wildcards, such as arn:aws:iam::111111111111:role/prune."
  }
}

variable "readable_prefixes" {
  description = "Key prefixes, each with its trailing slash, that the reader roles may read."
  type        = set(string)
  default     = ["releases/"]
  nullable    = false

  validation {
    condition = length(var.readable_prefixes) > 0 && alltrue([
      for prefix in var.readable_prefixes : can(regex("^[a-z0-9][a-z0-9/-]*/$", prefix))
    ])
    error_message = "readable_prefixes needs at least one prefix, each with its trailing slash, of lower-case letters, digits, hyphens and slashes."
  }
}

variable "reader_role_arns" {
  description = "Roles of other accounts that may read the readable prefixes and nothing else. They must exist: S3 and KMS refuse policies that name unknown principals."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.reader_role_arns : can(regex("^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "reader_role_arns takes exact role ARNs without wildcards, such as arn:aws:iam::222222222222:role/promote."
  }
}

variable "region" {
  description = "The store's region; readers decrypt through S3 of this region only."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "retention" {
  description = "Days until replaced or deleted versions, unfinished uploads, asynchronous answers, captured requests, shared plans and training outputs go. Null keeps for ever; current releases are always kept."
  type = object({
    noncurrent_days     = optional(number, 90)
    aborted_upload_days = optional(number, 7)
    async_days          = optional(number)
    capture_days        = optional(number)
    plan_days           = optional(number, 7)
    training_days       = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in values(var.retention) : days == null || coalesce(days, 0) >= 1])
    error_message = "Days in retention must be 1 or more; null keeps for ever."
  }

  validation {
    condition     = var.retention.aborted_upload_days == null || coalesce(var.retention.aborted_upload_days, 0) >= 2
    error_message = "retention.aborted_upload_days must be 2 or more: a killed promotion resumes from the parts it has already copied."
  }
}
