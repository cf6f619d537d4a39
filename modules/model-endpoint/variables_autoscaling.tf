variable "autoscaling" {
  description = "Instance autoscaling by variant name of the live revision: bounds in instances; targets, of which any may be null: `invocations_per_instance` a minute, `concurrency_per_model` requests at once, `cpu_percent` of all processors, `backlog_per_instance` of an asynchronous endpoint, which alone may have `min` 0; cooldowns in seconds. A schedule moves `min`, `max` or both at its time: `cron(0 8 ? * MON-FRI *)`, `rate(…)` or `at(…)`. A variant that is not named keeps its instance count."
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

  validation {
    condition = !contains(keys(var.revisions), var.live) || alltrue([
      for variant in keys(var.autoscaling) : contains(keys(try(var.revisions[var.live].variants, {})), variant)
    ])
    error_message = "endpoint ${var.name}: autoscaling names ${join(", ", setsubtract(keys(var.autoscaling), try(keys(var.revisions[var.live].variants), [])))}, and revision ${var.live} has the variants ${join(", ", try(keys(var.revisions[var.live].variants), []))}. Name one of these."
  }

  validation {
    condition = alltrue([
      for settings in values(var.autoscaling) : settings.min >= 0 && settings.min <= settings.max && settings.max >= 1 &&
      floor(settings.min) == settings.min && floor(settings.max) == settings.max
    ])
    error_message = "endpoint ${var.name}: autoscaling needs whole numbers with 0 <= min <= max and a max from 1; correct ${join(", ", [for variant, settings in var.autoscaling : "${variant} (${settings.min} to ${settings.max})"])}."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
  validation {
    condition = try(var.revisions[var.live].asynchronous, null) != null || alltrue([
      for settings in values(var.autoscaling) : min(concat([settings.min], [for schedule in values(settings.schedules) : schedule.min if schedule.min != null])...) >= 1
    ])
    error_message = "endpoint ${var.name}: only an asynchronous endpoint goes down to 0 instances, because only its requests can wait for one. Set min to 1 in autoscaling and its schedules, or make the endpoint asynchronous or serverless."
  }

  validation {
    condition = alltrue([
      for settings in values(var.autoscaling) : settings.min > 0 || settings.backlog_per_instance != null
    ])
    error_message = "endpoint ${var.name}: with min 0 autoscaling needs backlog_per_instance: without it nothing scales in to 0."
  }

  validation {
    condition = alltrue([
      for settings in values(var.autoscaling) : try(var.revisions[var.live].asynchronous, null) == null ? settings.backlog_per_instance == null : (
        settings.invocations_per_instance == null && settings.concurrency_per_model == null
      )
    ])
    error_message = "endpoint ${var.name}: an asynchronous endpoint publishes its backlog and no invocations, others the contrary. Scale it by backlog_per_instance or cpu_percent, and others by invocations_per_instance, concurrency_per_model or cpu_percent."
  }

  validation {
    condition = alltrue([
      for settings in values(var.autoscaling) : alltrue([
        for target in [settings.invocations_per_instance, settings.concurrency_per_model, settings.cpu_percent, settings.backlog_per_instance] : target == null || try(target > 0, false)
      ]) && try(settings.cpu_percent <= 100, true) && settings.scale_in_cooldown_s >= 0 && settings.scale_out_cooldown_s >= 0
    ])
    error_message = "endpoint ${var.name}: autoscaling needs targets above 0, a cpu_percent of 100 at most, and cooldowns of 0 seconds or more."
  }

  validation {
    condition = alltrue([
      for settings in values(var.autoscaling) : length(settings.schedules) > 0 || length(compact([
        settings.invocations_per_instance, settings.concurrency_per_model, settings.cpu_percent, settings.backlog_per_instance
      ])) > 0
    ])
    error_message = "endpoint ${var.name}: autoscaling without a target and without schedules never scales. Give invocations_per_instance or another target, or remove it."
  }

  # https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
  validation {
    condition = alltrue(flatten([
      for settings in values(var.autoscaling) : [
        for name, schedule in settings.schedules :
        can(regex("^[a-z0-9](-?[a-z0-9])*$", name)) && can(regex("^(cron|rate|at)\\(.+\\)$", schedule.schedule)) && can(regex("^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$", schedule.time_zone))
      ]
    ]))
    error_message = "endpoint ${var.name}: a schedule has a name with lower-case letters, digits and single hyphens, a time like cron(0 8 ? * MON-FRI *), rate(1 hour) or at(2026-12-24T18:00:00), and a time zone like Europe/Zurich. Correct the schedules in autoscaling."
  }

  validation {
    condition = alltrue(flatten([
      for settings in values(var.autoscaling) : [
        for schedule in values(settings.schedules) : (schedule.min != null || schedule.max != null) && try(
          coalesce(schedule.min, settings.min) <= coalesce(schedule.max, settings.max) &&
          floor(coalesce(schedule.min, 0)) == coalesce(schedule.min, 0) && floor(coalesce(schedule.max, 1)) == coalesce(schedule.max, 1) &&
          coalesce(schedule.min, 0) >= 0 && coalesce(schedule.max, 1) >= 1,
        false)
      ]
    ]))
    error_message = "endpoint ${var.name}: a schedule in autoscaling moves min, max or both, to whole numbers with min <= max; what it leaves out is the variant's own. Correct the schedules."
  }

  validation {
    condition = alltrue([
      for variant in keys(var.autoscaling) : try(var.revisions[var.live].variants[variant].serverless == null, true)
    ])
    error_message = "endpoint ${var.name}: a serverless variant scales by itself up to max_concurrency. Remove ${join(", ", keys(var.autoscaling))} from autoscaling."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
  validation {
    condition = alltrue([
      for variant in keys(var.autoscaling) :
      !try(startswith(var.revisions[var.live].variants[variant].instance_type, "ml.t"), false)
    ])
    error_message = "endpoint ${var.name}: SageMaker does not scale burstable ml.t instances. Take another instance type, or remove ${join(", ", keys(var.autoscaling))} from autoscaling."
  }
}
