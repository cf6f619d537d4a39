variable "autoscaling" {
  description = "Instance autoscaling by variant name of the live revision: bounds in instances, target in invocations per instance and minute, cooldowns in seconds. A variant that is not named keeps its instance count."
  type = map(object({
    min                      = number
    max                      = number
    invocations_per_instance = number
    scale_in_cooldown_s      = optional(number, 300)
    scale_out_cooldown_s     = optional(number, 60)
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
      for settings in values(var.autoscaling) : settings.min >= 1 && settings.min <= settings.max &&
      floor(settings.min) == settings.min && floor(settings.max) == settings.max
    ])
    error_message = "endpoint ${var.name}: autoscaling needs whole numbers with 1 <= min <= max; correct ${join(", ", [for variant, settings in var.autoscaling : "${variant} (${settings.min} to ${settings.max})"])}."
  }

  validation {
    condition = alltrue([
      for settings in values(var.autoscaling) :
      settings.invocations_per_instance > 0 && settings.scale_in_cooldown_s >= 0 && settings.scale_out_cooldown_s >= 0
    ])
    error_message = "endpoint ${var.name}: autoscaling needs invocations_per_instance above 0 and cooldowns of 0 seconds or more."
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

variable "dashboard" {
  description = "Whether to make a CloudWatch dashboard with the endpoint's name."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Endpoint name; every model, config, alarm and policy name begins with it."
  type        = string
  nullable    = false

  validation {
    # SageMaker writes ARNs of endpoints in lower case: another name would not match the policies made from it.
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.name)) && length(var.name) <= 63
    error_message = "endpoint ${var.name}: a name has 1 to 63 lower-case letters, digits and single hyphens, and this one has ${length(var.name)} characters. Rename the endpoint."
  }
}

variable "notification_topic_arns" {
  description = "SNS topics that hear of alarms."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.notification_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))])
    error_message = "endpoint ${var.name}: notification_topic_arns takes ARNs of SNS topics; correct ${join(", ", [for arn in var.notification_topic_arns : arn if !can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))])}."
  }
}

variable "region" {
  description = "Region of the endpoint, for the dashboard's charts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "endpoint ${var.name}: region ${var.region} is not a region. Write it as eu-west-1."
  }
}
