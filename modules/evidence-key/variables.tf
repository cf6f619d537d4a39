variable "account_id" {
  description = "The account that owns the key (12 digits); its IAM decides who may manage it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "alias" {
  description = "The key's alias without the leading alias/; verifiers find the key by it, so it is a contract."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,250}$", var.alias)) && !startswith(var.alias, "aws/") && !startswith(var.alias, "alias/")
    error_message = "alias takes letters, digits, slash, underscore and hyphen, without the leading alias/, and aws/ is AWS's own."
  }
}

variable "deletion_window_days" {
  description = "Days between deletion and loss of the key, 7 to 30. What it signed cannot be verified by KMS afterwards."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 7 to 30: KMS takes nothing else."
  }
}

variable "organization_id" {
  description = "The AWS organization that verifiers must be of; null asks for none."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-a1b2c3d4e5, or is null."
  }
}

variable "signer_role_arn" {
  description = "The one role that may sign, of the key's account. It must exist: KMS refuses policies that name unknown principals."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:iam::${var.account_id}:role/[A-Za-z0-9+=,.@_/-]+$", var.signer_role_arn))
    error_message = "signer_role_arn must be the exact ARN of a role of account ${var.account_id}."
  }
}

variable "verifier_role_arns" {
  description = "Roles of other accounts that may verify signatures and read the public key, and nothing else. They must exist."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.verifier_role_arns : can(regex("^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "verifier_role_arns takes exact role ARNs without wildcards, such as arn:aws:iam::333333333333:role/promote."
  }
}
