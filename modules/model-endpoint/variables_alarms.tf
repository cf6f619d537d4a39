variable "alarms" {
  description = "Alarms on every variant of the live revision; each rolls a deployment back while it is under way. `{}` watches server errors, model latency and overhead latency; client errors are watched when set. Latencies are in milliseconds, `period_s` in seconds, `periods` is how many in a row; `additional_names` are existing alarms that roll back too."
  type = object({
    errors_5xx = optional(object({
      enabled   = optional(bool, true)
      threshold = optional(number, 1)
      period_s  = optional(number, 60)
      periods   = optional(number, 1)
    }), {})
    errors_4xx = optional(object({
      enabled   = optional(bool, true)
      threshold = optional(number, 50)
      period_s  = optional(number, 60)
      periods   = optional(number, 1)
    }))
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
    additional_names = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition = !contains(keys(var.revisions), var.live) || contains(range(1, 11), length(var.alarms.additional_names) +
      try(length(var.revisions[var.live].variants), 0) * length([
        for enabled in [
          var.alarms.errors_5xx.enabled, try(var.alarms.errors_4xx.enabled, false),
          var.alarms.model_latency_p99.enabled, var.alarms.overhead_latency_p99.enabled,
        ] : enabled if enabled
    ]))
    error_message = "endpoint ${var.name}: SageMaker takes 1 to 10 rollback alarms. There is one of each enabled kind for each of the ${try(length(var.revisions[var.live].variants), 0)} variants, and ${length(var.alarms.additional_names)} additional. Enable at least one and at most ten."
  }

  validation {
    condition = alltrue([
      for alarm in [var.alarms.errors_5xx, var.alarms.errors_4xx, var.alarms.model_latency_p99, var.alarms.overhead_latency_p99] :
      alarm == null || try(
        (contains([10, 30], alarm.period_s) || (alarm.period_s >= 60 && alarm.period_s % 60 == 0)) &&
        alarm.periods >= 1 && floor(alarm.periods) == alarm.periods && alarm.period_s * alarm.periods <= 86400,
      false)
    ])
    error_message = "endpoint ${var.name}: an alarm's period_s is 10, 30 or a multiple of 60, periods is a whole number from 1, and both together span one day at most. Correct var.alarms."
  }

  validation {
    condition = alltrue([
      for threshold in [
        var.alarms.errors_5xx.threshold, try(var.alarms.errors_4xx.threshold, 1),
        var.alarms.model_latency_p99.threshold_ms, var.alarms.overhead_latency_p99.threshold_ms,
      ] : threshold > 0
    ])
    error_message = "endpoint ${var.name}: an alarm with a threshold of 0 or less always rings, and every deployment is rolled back. Raise the threshold, or set enabled = false."
  }
}
