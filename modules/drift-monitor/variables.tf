variable "alarms" {
  description = "What has an alarm: drift, quality, unknown. The monitor's own failures always have one."
  type        = set(string)
  default     = ["drift", "quality", "unknown"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.alarms, ["drift", "quality", "unknown"])) == 0
    error_message = "monitor ${var.name}: alarms are drift, quality and unknown, and not ${join(", ", setsubtract(var.alarms, ["drift", "quality", "unknown"]))}."
  }
}

variable "artifact_store" {
  description = "The bucket that holds captured requests, labels and releases, and gets the reports; the alias of its key, with the leading alias/."
  type = object({
    bucket    = string
    key_alias = string
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.artifact_store.bucket)) && startswith(var.artifact_store.key_alias, "alias/")
    error_message = "monitor ${var.name}: artifact_store takes a bucket's name, and a key_alias that begins with alias/."
  }
}

variable "boundary_arn" {
  description = "Permissions boundary of the role; null sets none."
  type        = string
  default     = null

  validation {
    condition     = var.boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "monitor ${var.name}: boundary_arn is the ARN of an IAM policy of this account, or null. Correct it."
  }
}

variable "drift" {
  description = "When data have drifted: the window in minutes up to each run, the fewest rows to judge, the highest population stability index and the highest share of rows with unknown features."
  type = object({
    window_minutes   = optional(number, 1440)
    smallest_rows    = optional(number, 500)
    max_psi          = optional(number, 0.25)
    max_unknown_rate = optional(number, 0.01)
  })
  default  = {}
  nullable = false

  validation {
    condition     = try(var.drift.window_minutes >= 5 && var.drift.window_minutes <= 10080 && floor(var.drift.window_minutes) == var.drift.window_minutes, false) && try(var.drift.smallest_rows >= 1 && floor(var.drift.smallest_rows) == var.drift.smallest_rows, false)
    error_message = "monitor ${var.name}: drift takes a window_minutes of 5 to 10080 (a week), and smallest_rows from 1, whole numbers."
  }

  validation {
    condition     = var.drift.max_psi > 0 && var.drift.max_unknown_rate >= 0 && var.drift.max_unknown_rate < 1
    error_message = "monitor ${var.name}: drift.max_psi is above 0, customarily 0.1 to 0.25; max_unknown_rate is a share from 0 to 1."
  }
}

variable "endpoint" {
  description = "Short name of the endpoint: the folder below capture/, feedback/ and monitoring/."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.endpoint))
    error_message = "monitor ${var.name}: endpoint ${var.endpoint} has lower-case letters, digits and single hyphens. It is the short name."
  }
}

variable "endpoint_arn" {
  description = "ARN of the endpoint that is watched, built from names so that the policy is known in the plan."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/[a-z0-9-]{1,63}$", var.endpoint_arn))
    error_message = "monitor ${var.name}: endpoint_arn ${var.endpoint_arn} is not one endpoint. Write it as arn:aws:sagemaker:<region>:<account>:endpoint/<lower-case name>, no wildcard."
  }
}

variable "every_minutes" {
  description = "Minutes between two runs, and the alarms' period."
  type        = number
  default     = 60
  nullable    = false

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html: a period of a day at most
    condition     = var.every_minutes >= 5 && var.every_minutes <= 1440 && floor(var.every_minutes) == var.every_minutes
    error_message = "monitor ${var.name}: every_minutes is a whole number from 5 to 1440 (a day)."
  }
}

variable "key_arn" {
  description = "KMS key for the log group and the function's settings; its policy must let CloudWatch Logs use it. Null uses AWS's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "monitor ${var.name}: key_arn is the ARN of a KMS key and no alias, or null. Correct it."
  }
}

variable "labels" {
  description = "When answers have become worse: the window in minutes for requests and their labels, the fewest labelled answers to judge, and the greatest drop below the release's own metric."
  type = object({
    window_minutes = optional(number, 1440)
    smallest       = optional(number, 100)
    max_drop       = optional(number, 0.05)
  })
  default  = {}
  nullable = false

  validation {
    condition     = try(var.labels.window_minutes >= 5 && var.labels.window_minutes <= 20160 && floor(var.labels.window_minutes) == var.labels.window_minutes, false) && try(var.labels.smallest >= 1 && floor(var.labels.smallest) == var.labels.smallest, false)
    error_message = "monitor ${var.name}: labels takes a window_minutes of 5 to 20160 (two weeks), and smallest from 1, whole numbers."
  }

  validation {
    condition     = var.labels.max_drop > 0 && var.labels.max_drop < 1
    error_message = "monitor ${var.name}: labels.max_drop lies between 0 and 1."
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
    error_message = "monitor ${var.name}: CloudWatch does not keep logs for ${var.log_retention_days} days. Take 7, 14, 30, 60, 90, 180, 365 or another of its steps."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the processor share grows with it."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "monitor ${var.name}: memory_mb is a whole number from 128 to 10240, and not ${var.memory_mb}."
  }
}

variable "models" {
  description = "Models whose releases the endpoint serves: of them the baselines are read."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.models) > 0 && alltrue([for model in var.models : can(regex("^[a-z0-9](-?[a-z0-9])*$", model))])
    error_message = "monitor ${var.name}: models names one model at least, in lower-case letters, digits and single hyphens."
  }
}

variable "most_requests" {
  description = "Most captured requests that one run reads, the newest first; a report says when there were more."
  type        = number
  default     = 100000
  nullable    = false

  validation {
    condition     = var.most_requests >= 1 && floor(var.most_requests) == var.most_requests
    error_message = "monitor ${var.name}: most_requests is a whole number from 1."
  }
}

variable "name" {
  description = "Name of the function, its role and its schedule."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.name))
    error_message = "monitor ${var.name}: Lambda takes names of 1 to 64 letters, digits, hyphens and underscores, and this one has ${length(var.name)} characters. Shorten the endpoint's name."
  }
}

variable "notification_topic_arns" {
  description = "Topics that are told when an alarm rings and when it stops."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.notification_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "monitor ${var.name}: notification_topic_arns takes ARNs of SNS topics."
  }
}

variable "package_path" {
  description = "Path of the function's zip, which `make build` makes."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package_path)
    error_message = "monitor ${var.name}: the package ${var.package_path} does not exist. Run `make build` first."
  }
}
