variable "account_id" {
  description = "The account of the queue (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "alarms" {
  description = "When people are told: minutes that a job may have been due, jobs that fail for good in five minutes, launches that AWS throttles in five minutes, errors of a function in five minutes."
  type = object({
    oldest_due_minutes = optional(number, 120)
    failed_jobs        = optional(number, 5)
    throttled          = optional(number, 300)
    function_errors    = optional(number, 0)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.oldest_due_minutes > 0 && alltrue([for number in [var.alarms.failed_jobs, var.alarms.throttled, var.alarms.function_errors] : number >= 0])
    error_message = "alarms: oldest_due_minutes is more than 0; failed_jobs, throttled and function_errors are 0 or more."
  }
}

variable "artifact_store" {
  description = "The artifact store: its bucket's name, and its key's alias (with the leading alias/) and ARN, under which jobs write."
  type = object({
    bucket    = string
    key_alias = string
    key_arn   = string
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.artifact_store.bucket)) && startswith(var.artifact_store.key_alias, "alias/")
    error_message = "artifact_store takes a bucket's name, and a key_alias that begins with alias/."
  }
}

variable "boundary_arn" {
  description = "Permissions boundary of the roles; null sets none."
  type        = string
  default     = null

  validation {
    condition     = var.boundary_arn == null || can(regex("^arn:aws:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "boundary_arn is the ARN of an IAM policy of this account, or null."
  }
}

variable "concurrency" {
  description = "How many of a function work at once: reserved for launch and sweep (null shares the account's, which a new account with a limit of 10 needs), at most for monitor and release."
  type = object({
    launch  = optional(number)
    sweep   = optional(number)
    monitor = optional(number, 4)
    release = optional(number, 2)
  })
  default  = { launch = 1, sweep = 1 }
  nullable = false

  validation {
    condition     = alltrue([for number in [var.concurrency.launch, var.concurrency.sweep] : try(number >= 0 && floor(number) == number, number == null)])
    error_message = "concurrency.launch and concurrency.sweep are whole numbers from 0, which stops them, or null."
  }

  validation {
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    condition     = alltrue([for number in [var.concurrency.monitor, var.concurrency.release] : number >= 2 && number <= 1000 && floor(number) == number])
    error_message = "concurrency.monitor and concurrency.release are whole numbers from 2 to 1000: Lambda takes no fewer for a queue."
  }
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted; switch it off in an apply of its own before destroying the queue."
  type        = bool
  default     = true
  nullable    = false
}

variable "environment" {
  description = "The environment's name; with the project it begins every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.environment))
    error_message = "environment takes lower-case letters, digits and single hyphens."
  }
}

variable "history_days" {
  description = "Days that an ended job stays in the table; its record in the artifact store stays."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.history_days >= 1 && floor(var.history_days) == var.history_days
    error_message = "history_days is a whole number from 1."
  }
}

variable "instance_types" {
  description = "What jobs may run on, by SageMaker's name: how many instances at once, on demand and spot, at most the account's quotas; and what one costs an hour in US dollars, null when nobody knows."
  type = map(object({
    budget       = number
    spot_budget  = optional(number, 0)
    usd_per_hour = optional(number)
  }))
  nullable = false

  validation {
    condition     = length(var.instance_types) > 0 && alltrue([for name in keys(var.instance_types) : can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9-]+$", name))])
    error_message = "instance_types names one type at least, as SageMaker does: ml.m5.large."
  }

  validation {
    condition = alltrue([
      for type in values(var.instance_types) :
      type.budget >= 0 && type.spot_budget >= 0 && type.budget + type.spot_budget >= 1 && floor(type.budget) == type.budget && floor(type.spot_budget) == type.spot_budget
    ])
    error_message = "instance_types: budget and spot_budget are whole numbers of instances, 0 or more, and one of them at least 1. Leave out a type that nobody may use."
  }

  validation {
    condition     = alltrue([for type in values(var.instance_types) : try(type.usd_per_hour > 0, type.usd_per_hour == null)])
    error_message = "instance_types: usd_per_hour is more than 0, or null when nobody knows: a price of 0 would make a report lie."
  }
}

variable "launch_on_submit" {
  description = "Whether the table's stream calls launch as soon as a job is submitted, besides the schedule of every minute."
  type        = bool
  default     = false
  nullable    = false
}

variable "launches_per_second" {
  description = "Most jobs launched a second; throttling by SageMaker lowers the rate for a while."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.launches_per_second > 0 && var.launches_per_second <= 100
    error_message = "launches_per_second is more than 0, and 100 at most."
  }
}

variable "log_retention_days" {
  description = "Days that the functions' logs are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch does not keep logs for ${var.log_retention_days} days. Take 7, 14, 30, 60, 90, 180, 365 or another of its steps for log_retention_days."
  }
}

variable "models" {
  description = "Models whose jobs the queue takes, each with an execution role that may train: further places that it reads, by name, and the network that its jobs must run in (null: none of yours)."
  type = map(object({
    inputs = optional(map(object({
      bucket = string
      prefix = string
    })), {})
    network = optional(object({
      subnet_ids         = set(string)
      security_group_ids = set(string)
    }))
  }))
  nullable = false

  validation {
    condition     = length(var.models) > 0 && alltrue([for name in keys(var.models) : can(regex("^[a-z0-9](-?[a-z0-9]){0,23}$", name))])
    error_message = "models names one model at least, in 1 to 24 lower-case letters, digits and single hyphens. Give a model of the environment its training = {}."
  }
}

variable "notification_topic_arns" {
  description = "Topics that are told when an alarm rings and when it stops."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.notification_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "notification_topic_arns takes ARNs of SNS topics."
  }
}

variable "package" {
  description = "The functions' code: `zip` with the path of what `make build` makes, or `image` with the URI of a container image of this account's registry, by digest."
  type = object({
    type      = optional(string, "zip")
    path      = optional(string)
    image_uri = optional(string)
  })
  nullable = false

  validation {
    condition     = contains(["image", "zip"], var.package.type)
    error_message = "package.type is zip or image."
  }

  validation {
    condition     = var.package.type != "zip" || try(fileexists(var.package.path), false)
    error_message = "The package ${coalesce(var.package.path, "(none)")} does not exist. Run `make build` first."
  }

  validation {
    condition     = var.package.type != "image" || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.package.image_uri))
    error_message = "package.image_uri is an image of Amazon ECR by digest: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/slipway/training-queue@sha256:..."
  }
}

variable "project" {
  description = "The project's name; with the environment it begins every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.project))
    error_message = "project takes lower-case letters, digits and single hyphens."
  }
}

variable "region" {
  description = "The region of the queue and of its jobs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "schedules" {
  description = "Retraining by schedule, by name: an expression of EventBridge Scheduler in a time zone, and the path of a job template (YAML or JSON) that is then submitted with {date} and {time} filled in."
  type = map(object({
    expression = string
    time_zone  = optional(string, "UTC")
    template   = string
    enabled    = optional(bool, true)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[A-Za-z0-9_-]{1,58}$", name))])
    error_message = "Names of schedules have 1 to 58 letters, digits, hyphens and underscores."
  }

  validation {
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(rate|cron|at)\\(.+\\)$", schedule.expression))])
    error_message = "A schedule's expression is rate(1 day), cron(0 3 * * ? *) or at(2026-12-24T03:00:00)."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : fileexists(schedule.template)])
    error_message = "There is no job template ${join(", ", [for schedule in values(var.schedules) : schedule.template if !fileexists(schedule.template)])}. Write it, or correct the schedule's template."
  }

  validation {
    condition = alltrue([
      for schedule in values(var.schedules) : !fileexists(schedule.template) || try(length(keys(yamldecode(file(schedule.template)))) > 0, false)
    ])
    error_message = "A job template is an object in YAML or JSON. Correct ${join(", ", [for schedule in values(var.schedules) : schedule.template if !can(keys(yamldecode(file(schedule.template))))])}."
  }

  # What is submitted every day under the same id is one job, and never another. Without an id it gets one of name and time.
  validation {
    condition     = alltrue([for schedule in values(var.schedules) : try(strcontains(yamldecode(file(schedule.template)).id, "{date}"), true)])
    error_message = "The id of a job template needs {date} in it, and {time} when it runs more than once a day: ranker-{date}. Without, every day's job would be the first one again."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : try(length(file(schedule.template)) <= 65536, true)])
    error_message = "A job template has 64 KiB at most."
  }
}

variable "subscribers" {
  description = "Who is told of ended jobs, by name: a protocol and its endpoint, and of which owners, models and states (Completed, Failed, Stopped) only; empty means all. An e-mail address must be confirmed by its owner."
  type = map(object({
    protocol = string
    endpoint = string
    owners   = optional(set(string), [])
    models   = optional(set(string), [])
    states   = optional(set(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for subscriber in values(var.subscribers) : length(setsubtract(subscriber.states, ["Completed", "Failed", "Stopped"])) == 0])
    error_message = "states of a subscriber are Completed, Failed and Stopped."
  }

  validation {
    condition     = alltrue([for subscriber in values(var.subscribers) : length(setsubtract(subscriber.models, keys(var.models))) == 0])
    error_message = "models of a subscriber are models of this queue: ${join(", ", sort(keys(var.models)))}."
  }
}
