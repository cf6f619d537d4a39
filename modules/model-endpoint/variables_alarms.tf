variable "alarms" {
  description = "Alarms on every variant of the live revision, each switched off with `enabled = false`. Errors and loss are in percent, and only of `min_requests` requests or more; latencies in milliseconds; cpu, memory, disk, gpu and gpu_memory in percent of what the instance has. `period_s` in seconds, `periods` how many in a row. `rolls_back` names the kinds that roll a deployment back while it is under way, `additional_names` existing alarms that do so too; the others are for people. `{}` is working."
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

  validation {
    condition = length(setsubtract(var.alarms.rolls_back, [
      for kind in keys(var.alarms) : kind if !contains(["rolls_back", "additional_names"], kind)
    ])) == 0
    error_message = "endpoint ${var.name}: alarms.rolls_back takes kinds of alarms, and ${join(", ", var.alarms.rolls_back)} are not all of ${join(", ", [for kind in keys(var.alarms) : kind if !contains(["rolls_back", "additional_names"], kind)])}. Alarms of yours go into additional_names."
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html; SageMaker publishes once a minute
  validation {
    condition = alltrue([
      for kind, alarm in var.alarms : try(
        alarm.period_s >= 60 && alarm.period_s % 60 == 0 &&
        alarm.periods >= 1 && floor(alarm.periods) == alarm.periods && alarm.period_s * alarm.periods <= 86400,
      !can(alarm.period_s))
    ])
    error_message = "endpoint ${var.name}: an alarm's period_s is a multiple of 60, periods is a whole number from 1, and both together span one day at most. Correct var.alarms."
  }

  validation {
    condition = alltrue([
      for kind, alarm in var.alarms : try(alarm.threshold_percent > 0 && alarm.threshold_percent <= 100, try(alarm.threshold_ms > 0, true))
    ])
    error_message = "endpoint ${var.name}: an alarm with a threshold of 0 or less always rings, and every deployment is rolled back; one above 100 percent never does. Correct the threshold, or set enabled = false."
  }

  # one error of two requests is half of them and says nothing
  validation {
    condition     = alltrue([for kind, alarm in var.alarms : try(alarm.min_requests >= 1 && floor(alarm.min_requests) == alarm.min_requests, !can(alarm.min_requests))])
    error_message = "endpoint ${var.name}: min_requests in alarms is a whole number from 1."
  }
}
