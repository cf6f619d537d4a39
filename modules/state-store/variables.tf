variable "account_id" {
  description = "The account that owns the store (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "key_alias" {
  description = "Alias of the store's KMS key without the leading alias/; the backend's kms_key_id names it."
  type        = string
  nullable    = false
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

variable "noncurrent_days" {
  description = "Days that earlier versions of a state are kept; null keeps them for ever: they are small, and what repairs a broken one."
  type        = number
  default     = null

  validation {
    condition     = var.noncurrent_days == null || coalesce(var.noncurrent_days, 0) >= 30
    error_message = "noncurrent_days must be 30 or more: an earlier state is what repairs a broken one."
  }
}
