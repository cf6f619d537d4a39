variable "boundary_arn" {
  description = "Permissions boundary of the role; null sets none."
  type        = string
  default     = null

  validation {
    condition     = var.boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "function ${var.name}: boundary_arn is the ARN of an IAM policy of this account, or null. Correct it."
  }
}

variable "endpoint_arn" {
  description = "ARN of the one endpoint that the function invokes, built from names so that its policy is known in the plan."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/[a-z0-9-]{1,63}$", var.endpoint_arn))
    error_message = "function ${var.name}: endpoint_arn ${var.endpoint_arn} is not one endpoint. Write it as arn:aws:sagemaker:<region>:<account>:endpoint/<lower-case name>, no wildcard."
  }
}

variable "function_url" {
  description = "Whether the function has an HTTPS address of its own, which takes requests signed by an IAM principal only."
  type        = bool
  default     = false
  nullable    = false
}

variable "key_arn" {
  description = "KMS key for the log group and the function's settings; its policy must let CloudWatch Logs use it. Null uses AWS's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "function ${var.name}: key_arn is the ARN of a KMS key and no alias, or null. Correct it."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "function ${var.name}: CloudWatch does not keep logs for ${var.log_retention_days} days. Take 7, 14, 30, 60, 90, 180, 365 or another of its steps."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the processor share grows with it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "function ${var.name}: memory_mb is a whole number from 128 to 10240, and not ${var.memory_mb}."
  }
}

variable "name" {
  description = "Name of the function and of its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.name))
    error_message = "function ${var.name}: Lambda takes names of 1 to 64 letters, digits, hyphens and underscores, and this one has ${length(var.name)} characters. Shorten the endpoint's name."
  }
}

variable "package_path" {
  description = "Path of the function's zip, which `make build` makes."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package_path)
    error_message = "function ${var.name}: the package ${var.package_path} does not exist. Run `make build` first."
  }
}

variable "principals" {
  description = "ARNs of the roles or users that may call the function (and its URL, where it has one), by a name of your choice. The function's own account needs no entry here: its identity policies decide."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for name, arn in var.principals : can(regex("^[a-zA-Z0-9_-]{1,90}$", name)) &&
      can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[a-zA-Z0-9+=,.@_/-]+$", arn))
    ])
    error_message = "function ${var.name}: principals maps names of letters, digits, hyphens and underscores to ARNs of roles or users, one by one, no wildcard. Correct ${join(", ", values(var.principals))}."
  }
}

variable "provisioned_concurrency" {
  description = "Number of instances of the function that are kept warm; null keeps none."
  type        = number
  default     = null

  validation {
    condition     = try(var.provisioned_concurrency >= 1 && floor(var.provisioned_concurrency) == var.provisioned_concurrency, var.provisioned_concurrency == null)
    error_message = "function ${var.name}: provisioned_concurrency is a whole number from 1, or null for none."
  }

  validation {
    condition     = try(var.provisioned_concurrency <= var.reserved_concurrency, true)
    error_message = "function ${var.name}: provisioned_concurrency must fit into reserved_concurrency. Raise the latter or set it to null."
  }
}

variable "reserved_concurrency" {
  description = "Most requests that the function works on at once; null shares the account's limit, 0 stops it."
  type        = number
  default     = null

  validation {
    condition     = try(var.reserved_concurrency >= 0 && floor(var.reserved_concurrency) == var.reserved_concurrency, var.reserved_concurrency == null)
    error_message = "function ${var.name}: reserved_concurrency is a whole number from 0, or null."
  }
}

variable "timeout_s" {
  description = "Seconds until Lambda ends a call. SageMaker ends its own after 60, so more only helps with slow connections."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_s >= 2 && var.timeout_s <= 900 && floor(var.timeout_s) == var.timeout_s
    error_message = "function ${var.name}: timeout_s is a whole number from 2 to 900, and not ${var.timeout_s}."
  }
}

variable "weights" {
  description = "Weights of the live variants by name, whole numbers: callers that give a sticky key are spread over them. Empty leaves every choice to SageMaker."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for weight in values(var.weights) : try(weight >= 0 && floor(weight) == weight, false)])
    error_message = "function ${var.name}: weights are whole numbers from 0, and not ${jsonencode(var.weights)}. Correct them."
  }

  validation {
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
    condition     = length(var.weights) <= 10 && alltrue([for variant in keys(var.weights) : can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$", variant))])
    error_message = "function ${var.name}: weights names up to 10 variants by letters, digits and hyphens, and not ${join(", ", keys(var.weights))}. Correct them."
  }
}
