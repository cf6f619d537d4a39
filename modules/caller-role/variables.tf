variable "boundary_arn" {
  description = "Permissions boundary of the role; null sets none."
  type        = string
  default     = null

  validation {
    condition     = var.boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "role ${var.name}: boundary_arn is the ARN of an IAM policy of this account, or null. Correct it."
  }
}

variable "endpoint_arns" {
  description = "ARNs of the endpoints that the role may invoke, built from names so that the policy is known in the plan."
  type        = set(string)
  nullable    = false

  validation {
    condition = length(var.endpoint_arns) > 0 && alltrue([
      for arn in var.endpoint_arns : can(regex("^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/[a-z0-9-]{1,63}$", arn))
    ])
    error_message = "role ${var.name}: endpoint_arns lists at least one endpoint, exactly: arn:aws:sagemaker:<region>:<account>:endpoint/<lower-case name>, no wildcard. Correct ${join(", ", var.endpoint_arns)}."
  }
}

variable "external_id" {
  description = "Word that the caller must present when it assumes the role; null asks for none."
  type        = string
  default     = null

  validation {
    condition     = var.external_id == null || try(can(regex("^[a-zA-Z0-9+=,.@:/-]{2,}$", var.external_id)) && length(var.external_id) <= 1224, false)
    error_message = "role ${var.name}: an external id has 2 to 1224 letters, digits and +=,.@:/- characters. Choose another."
  }
}

variable "name" {
  description = "Name of the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "role ${var.name}: IAM takes names of 1 to 64 letters, digits and +=,.@_- characters, and this one has ${length(var.name)}. Shorten the endpoint's or the caller's name."
  }
}

variable "organization_id" {
  description = "The AWS organization that the callers must be of; null asks for none. A third party with an external id is in no organization of ours, and is not asked."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "role ${var.name}: organization_id looks like o-a1b2c3d4e5, or is null. Correct ${coalesce(var.organization_id, "it")}."
  }
}

variable "principal_arns" {
  description = "ARNs of the roles or users that may assume the role, mostly of another account. Each must exist, or IAM refuses the trust policy."
  type        = set(string)
  nullable    = false

  validation {
    condition = length(var.principal_arns) > 0 && alltrue([
      for arn in var.principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[a-zA-Z0-9+=,.@_/-]+$", arn))
    ])
    error_message = "role ${var.name}: principal_arns names roles or users one by one (no account root, no wildcard, no session). Correct ${join(", ", var.principal_arns)}."
  }
}
