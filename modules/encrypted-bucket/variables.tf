variable "access_log" {
  description = "Where S3 writes this bucket's access log: a bucket of the same account and region, and a key prefix; null writes none."
  type = object({
    bucket = string
    prefix = optional(string, "")
  })
  default = null
}

variable "account_id" {
  description = "The account that owns bucket and key (12 digits); its IAM decides who of the account may use the key."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "key" {
  description = "The bucket's own KMS key: alias without the leading alias/ (null takes the bucket's name), days between deletion and loss, and statements added to its policy, as JSON documents."
  type = object({
    alias                = optional(string)
    deletion_window_days = optional(number, 30)
    policy_documents     = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.key.deletion_window_days >= 7 && var.key.deletion_window_days <= 30
    error_message = "key.deletion_window_days must be 7 to 30: KMS takes nothing else."
  }

  validation {
    condition     = var.key.alias == null || can(regex("^[a-zA-Z0-9/_-]{1,250}$", var.key.alias))
    error_message = "key.alias takes letters, digits, slash, underscore and hyphen, without the leading alias/."
  }
}

variable "lifecycle_rules" {
  description = "Life-cycle rules by name: a key prefix (empty for the whole bucket), days after which noncurrent versions, unfinished uploads and current objects go; null days never do."
  type = map(object({
    prefix               = optional(string, "")
    noncurrent_days      = optional(number)
    aborted_upload_days  = optional(number)
    expiration_days      = optional(number)
    clean_delete_markers = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue(flatten([
      for rule in var.lifecycle_rules : [
        for days in [rule.noncurrent_days, rule.aborted_upload_days, rule.expiration_days] : days == null || coalesce(days, 0) >= 1
      ]
    ]))
    error_message = "Days in lifecycle_rules must be 1 or more; leave them out to keep for ever."
  }

  validation {
    condition     = alltrue([for rule in var.lifecycle_rules : !(rule.clean_delete_markers && rule.expiration_days != null)])
    error_message = "A lifecycle rule takes either expiration_days or clean_delete_markers: S3 refuses both in one rule."
  }
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

variable "policy_documents" {
  description = "Statements added to the bucket policy, as JSON documents with distinct sids."
  type        = list(string)
  default     = []
  nullable    = false
}
