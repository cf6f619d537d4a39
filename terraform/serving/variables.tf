variable "alarms" {
  description = "Alarms on the endpoint, and which of them roll a deployment back; see modules/model-endpoint. `{}` is working."
  type = object({
    errors_5xx = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 2)
      min_requests      = optional(number, 10)
      period_s          = optional(number, 60)
      periods           = optional(number, 1)
    }), {})
    errors_4xx = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 25)
      min_requests      = optional(number, 10)
      period_s          = optional(number, 60)
      periods           = optional(number, 5)
    }), {})
    model_latency_p99 = optional(object({
      enabled      = optional(bool, true)
      threshold_ms = optional(number, 1000)
      period_s     = optional(number, 60)
      periods      = optional(number, 2)
    }), {})
    overhead_latency_p99 = optional(object({
      enabled      = optional(bool, true)
      threshold_ms = optional(number, 500)
      period_s     = optional(number, 60)
      periods      = optional(number, 2)
    }), {})
    invocation_loss = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 80)
      min_requests      = optional(number, 100)
    }), {})
    cpu = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 90)
      period_s          = optional(number, 60)
      periods           = optional(number, 10)
    }), {})
    memory = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 90)
      period_s          = optional(number, 60)
      periods           = optional(number, 5)
    }), {})
    disk = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 90)
      period_s          = optional(number, 60)
      periods           = optional(number, 5)
    }), {})
    gpu = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 95)
      period_s          = optional(number, 60)
      periods           = optional(number, 10)
    }), {})
    gpu_memory = optional(object({
      enabled           = optional(bool, true)
      threshold_percent = optional(number, 95)
      period_s          = optional(number, 60)
      periods           = optional(number, 5)
    }), {})
    rolls_back       = optional(set(string), ["errors_5xx", "model_latency_p99", "overhead_latency_p99"])
    additional_names = optional(set(string), [])
  })
  default  = {}
  nullable = false
}

variable "autoscaling" {
  description = "Instance autoscaling by variant: bounds in instances, targets, schedules, cooldowns in seconds; see modules/model-endpoint."
  type = map(object({
    min                      = number
    max                      = number
    invocations_per_instance = optional(number)
    concurrency_per_model    = optional(number)
    cpu_percent              = optional(number)
    backlog_per_instance     = optional(number)
    scale_in_cooldown_s      = optional(number, 300)
    scale_out_cooldown_s     = optional(number, 60)
    schedules = optional(map(object({
      schedule  = string
      time_zone = optional(string, "UTC")
      min       = optional(number)
      max       = optional(number)
    })), {})
  }))
  default  = {}
  nullable = false
}

variable "callers" {
  description = "Who may invoke the endpoint from another account, by a name of your choice: one role for each, which these principals may assume; `external_id` null asks for none."
  type = map(object({
    principal_arns = set(string)
    external_id    = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.callers) : can(regex("^[a-z0-9](-?[a-z0-9])*$", name))])
    error_message = "endpoint ${var.endpoint}: a caller's name has lower-case letters, digits and single hyphens. Rename among ${join(", ", keys(var.callers))}."
  }
}

variable "dashboard" {
  description = "Whether to make a CloudWatch dashboard with the endpoint's name."
  type        = bool
  default     = true
  nullable    = false
}

variable "deployment" {
  description = "How traffic moves when `live` moves, in one word: instant, quick, standard, cautious, gradual or rolling; see modules/model-endpoint."
  type        = string
  default     = "standard"
  nullable    = false
}

variable "deployment_overrides" {
  description = "Numbers in place of the preset's; see modules/model-endpoint. Waits are in seconds; null takes the preset's."
  type = object({
    strategy           = optional(string)
    percent            = optional(number)
    wait_s             = optional(number)
    termination_wait_s = optional(number)
    max_s              = optional(number)
  })
  default = null
}

variable "endpoint" {
  description = "Short name of the endpoint, which is also the name of its file below environments/<environment>/endpoints."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.endpoint))
    error_message = "endpoint ${var.endpoint}: a name has lower-case letters, digits and single hyphens. Rename the endpoint and its file."
  }

  # Who deploys endpoints is kept from what is called like the queue (modules/deploy-role), in every environment alike.
  validation {
    condition     = !can(regex("^training(-|$)", var.endpoint))
    error_message = "endpoint ${var.endpoint}: names that begin with training belong to the training queue. Rename the endpoint and its file."
  }
}

variable "function_package" {
  description = "Path of the invoker's zip; null takes build/functions/endpoint-invoker.zip of this repository, which `make build` makes."
  type        = string
  default     = null
}

variable "invoker" {
  description = "The function in front of the endpoint; null means none. `principals` may call it from another account, by a name of your choice; `provisioned_concurrency` null keeps none warm; `timeout_s` is in seconds, `memory_mb` in MB, `log_retention_days` in days."
  type = object({
    function_url            = optional(bool, false)
    log_retention_days      = optional(number, 90)
    memory_mb               = optional(number, 256)
    principals              = optional(map(string), {})
    provisioned_concurrency = optional(number)
    reserved_concurrency    = optional(number)
    timeout_s               = optional(number, 30)
  })
  default = null
}

variable "returning" {
  description = "Whether `live` was moved back, by a rollback or after a failed deployment: see modules/model-endpoint."
  type        = bool
  default     = false
  nullable    = false
}
