variable "monitor" {
  description = "The drift monitor; see modules/drift-monitor. `{}` is working, null means none. It reads what data_capture keeps."
  type = object({
    alarms        = optional(set(string), ["drift", "quality", "unknown"])
    every_minutes = optional(number, 60)
    drift = optional(object({
      window_minutes   = optional(number, 1440)
      smallest_rows    = optional(number, 500)
      max_psi          = optional(number, 0.25)
      max_unknown_rate = optional(number, 0.01)
    }), {})
    labels = optional(object({
      window_minutes = optional(number, 1440)
      smallest       = optional(number, 100)
      max_drop       = optional(number, 0.05)
    }), {})
    log_retention_days = optional(number, 90)
    memory_mb          = optional(number, 512)
    most_requests      = optional(number, 100000)
  })
  default = null
}

variable "monitor_package" {
  description = "Path of the monitor's zip; null takes build/functions/drift-monitor.zip of this repository, which `make build` makes."
  type        = string
  default     = null
}
