# environments/<environment>/environment.tfvars sets exactly this variable, and all roots declare it alike.

variable "environment" {
  description = "The AWS account and region to work in, and its neighbours. `promotes_from` null means the first of the chain."
  type = object({
    name       = string
    account_id = string
    region     = string
    project    = optional(string, "slipway")
    owner      = string
    repository = string
    promotes_from = optional(object({
      name       = string
      account_id = string
      region     = string
    }))
    promotes_to = optional(map(object({
      account_id = string
      region     = string
    })), {})
    replicates_images_to = optional(map(object({
      account_id = string
      region     = string
    })), {})
    replicates_images_from = optional(map(object({
      account_id = string
    })), {})
    operators = optional(set(string), [])
    # Who may approve releases, and who may pass the gates in an emergency: exact ARNs. Without any the role does not exist.
    approvers   = optional(set(string), [])
    break_glass = optional(set(string), [])
    # What a release needs before it is promoted to here. `evidence`: a signed record of the environment before, no older than
    # so many hours. `approval`: in the model registry, by an approver. `soak_minutes`: live there for so long.
    # `plan_approval`: each plan that is applied, by an approver who did not make it (slipway bundle approve).
    gates = optional(object({
      evidence               = optional(bool, false)
      evidence_max_age_hours = optional(number, 720)
      approval               = optional(bool, false)
      plan_approval          = optional(bool, false)
      soak_minutes           = optional(number, 0)
    }), {})
    # When nothing new becomes live here, by name, in `time_zone`: either once, `starts` and `ends` as "2026-12-20T18:00", or each
    # week, `weekly_from` and `weekly_until` as "fri 18:00".
    freezes = optional(map(object({
      starts       = optional(string)
      ends         = optional(string)
      weekly_from  = optional(string)
      weekly_until = optional(string)
      time_zone    = optional(string, "UTC")
      reason       = string
    })), {})
    # Environments behind the same one are promoted to in this order.
    wave = optional(number, 1)
    # The AWS organization of all accounts. People, readers and callers must then be of it, and nothing outside it is touched.
    organization_id = optional(string)
    # Pipelines, by name: the issuer's URL, the audience, and which subjects may assume which role. None by default.
    identity_providers = optional(map(object({
      issuer      = string
      audience    = string
      thumbprints = optional(list(string))
      create      = optional(bool, true) # false: another environment of this account has made it; an account has one for a URL
      subjects = object({
        plan              = optional(set(string), [])
        deploy-foundation = optional(set(string), [])
        deploy-serving    = optional(set(string), [])
        promote           = optional(set(string), [])
        approve           = optional(set(string), [])
        break-glass       = optional(set(string), [])
        prune             = optional(set(string), [])
        train             = optional(set(string), [])
      })
    })), {})
    # Who is told of alarms, by name.
    subscribers = optional(map(object({
      protocol = string
      endpoint = string
    })), {})
    # Days until captured requests, shared plans, training outputs and replaced versions go; null keeps them. `revisions` are kept of each
    # endpoint besides the live one.
    retention = optional(object({
      noncurrent_days = optional(number, 90)
      async_days      = optional(number)
      capture_days    = optional(number)
      plan_days       = optional(number, 7)
      training_days   = optional(number)
      revisions       = optional(number, 5)
    }), {})
    # The training queue of this account; null means none. `instance_types` are those that jobs may ask for: how many instances at
    # once (spot apart), and what one costs an hour (null: nobody knows). `submitters` may assume the role `train`. `schedules` submit
    # a job template, a file of environments/<environment>/training/, by an EventBridge Scheduler expression. An account whose
    # Lambda limit is 10, as a new one's, cannot reserve any concurrency.
    training_queue = optional(object({
      instance_types = map(object({
        budget       = number
        spot_budget  = optional(number, 0)
        usd_per_hour = optional(number)
      }))
      submitters = optional(set(string), [])
      subscribers = optional(map(object({
        protocol = string
        endpoint = string
        owners   = optional(set(string), [])
        models   = optional(set(string), [])
        states   = optional(set(string), [])
      })), {})
      schedules = optional(map(object({
        expression = string
        time_zone  = optional(string, "UTC")
        template   = string
        enabled    = optional(bool, true)
      })), {})
      launch_on_submit    = optional(bool, false)
      launches_per_second = optional(number, 5)
      reserve_concurrency = optional(bool, true)
      history_days        = optional(number, 400)
      package = optional(object({
        type      = optional(string, "zip")
        image_uri = optional(string)
      }), {})
    }))
    # Settings of each model's execution role.
    models = optional(map(object({
      training = optional(object({
        inputs = optional(map(object({
          bucket = string
          prefix = string
        })), {})
      }))
      network = optional(object({
        subnet_ids         = set(string)
        security_group_ids = set(string)
      }))
    })), {})
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.environment.account_id)) && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.environment.region))
    error_message = "environment ${var.environment.name}: account_id has 12 digits in quotes, and region looks like eu-west-1. Correct environment.tfvars."
  }

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.environment.name)) && can(regex("^[a-z0-9](-?[a-z0-9])*$", var.environment.project))
    error_message = "environment ${var.environment.name}: name and project have lower-case letters, digits and single hyphens. Correct environment.tfvars."
  }

  validation {
    condition = !contains(
      concat(
        values(var.environment.promotes_to)[*].account_id,
        values(var.environment.replicates_images_to)[*].account_id,
        values(var.environment.replicates_images_from)[*].account_id,
        [try(var.environment.promotes_from.account_id, "none")],
      ), var.environment.account_id
    )
    error_message = "environment ${var.environment.name}: promotes and replicates with other accounts, never with its own, ${var.environment.account_id}. Correct environment.tfvars."
  }

  validation {
    condition     = var.environment.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.environment.organization_id))
    error_message = "environment ${var.environment.name}: organization_id looks like o-a1b2c3d4e5, or is left out. Correct environment.tfvars."
  }
  validation {
    condition = alltrue([
      for arn in setunion(var.environment.approvers, var.environment.break_glass, try(var.environment.training_queue.submitters, [])) : can(regex("^arn:aws:(iam|sts)::[0-9]{12}:[a-z-]+/[^*?]+$", arn))
    ])
    error_message = "environment ${var.environment.name}: approvers, break_glass and training_queue.submitters take exact ARNs of roles or users, without wildcards. Correct environment.tfvars."
  }

  validation {
    condition     = length(setintersection(var.environment.approvers, var.environment.operators)) == 0
    error_message = "environment ${var.environment.name}: ${join(", ", setintersection(var.environment.approvers, var.environment.operators))} would approve what it promotes. Take it out of approvers or operators in environment.tfvars."
  }

  validation {
    condition     = !(var.environment.gates.approval || var.environment.gates.plan_approval) || length(var.environment.approvers) > 0
    error_message = "environment ${var.environment.name}: gates.approval or gates.plan_approval asks for an approval, and approvers names nobody who may give it. Add approvers to environment.tfvars."
  }

  validation {
    condition     = var.environment.promotes_from != null || (!var.environment.gates.evidence && var.environment.gates.soak_minutes == 0)
    error_message = "environment ${var.environment.name}: it is the first of its chain, so nobody can give evidence of a release before. Take gates.evidence and gates.soak_minutes out of environment.tfvars."
  }

  validation {
    condition     = var.environment.gates.evidence || var.environment.gates.soak_minutes == 0
    error_message = "environment ${var.environment.name}: evidence says how long a release has been live, so gates.soak_minutes needs gates.evidence = true. Correct environment.tfvars."
  }

  validation {
    condition     = var.environment.gates.evidence_max_age_hours > 0 && var.environment.gates.soak_minutes >= 0
    error_message = "environment ${var.environment.name}: gates.evidence_max_age_hours is more than 0, and gates.soak_minutes 0 or more. Correct environment.tfvars."
  }

  # The same shapes as glue/core/freeze.py, which also knows whether there is such a time zone.
  validation {
    condition = alltrue([
      for freeze in values(var.environment.freezes) : trimspace(freeze.reason) != "" && can(regex("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", freeze.time_zone)) && anytrue([
        freeze.weekly_from == null && freeze.weekly_until == null && try(timecmp("${freeze.starts}:00Z", "${freeze.ends}:00Z") < 0, false) && alltrue([for text in [freeze.starts, freeze.ends] : can(regex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$", text))]),
        freeze.starts == null && freeze.ends == null && try(freeze.weekly_from != freeze.weekly_until && can(regex("^(mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):[0-5][0-9]$", freeze.weekly_from)) && can(regex("^(mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):[0-5][0-9]$", freeze.weekly_until)), false),
      ])
    ])
    error_message = "environment ${var.environment.name}: each of freezes has a reason, an IANA time_zone, and either starts and ends (2026-12-20T18:00) or weekly_from and weekly_until (fri 16:00). Correct environment.tfvars."
  }

  validation {
    condition = alltrue([
      for number in [var.environment.wave, var.environment.retention.revisions] : number >= 1 && floor(number) == number
    ])
    error_message = "environment ${var.environment.name}: wave and retention.revisions are whole numbers from 1. Correct environment.tfvars."
  }
}
