variable "live" {
  description = "Key of the revision that the endpoint points at. Promotion and rollback move it."
  type        = string
  nullable    = false

  validation {
    condition     = contains(keys(var.revisions), var.live)
    error_message = "endpoint ${var.name}: live is ${jsonencode(var.live)}, which is not among the retained revisions ${join(", ", keys(var.revisions))}. Name one of these."
  }

  # A deployment that failed is not tried again by an apply that nobody thought about.
  validation {
    condition     = try(var.revisions[var.live].failed == null, true)
    error_message = "endpoint ${var.name}: live is ${jsonencode(var.live)}, which failed: ${try(coalesce(var.revisions[var.live].failed), "no reason is given")}. Move live to another revision with `slipway rollback`, or try it again with `slipway promote` or `slipway rollback` and --retry."
  }
}

variable "revisions" {
  description = "Every retained revision by its id, frozen: never edited, only added and pruned. Weights are whole numbers; null means the feature is off; timeouts are in seconds. `created`, `replaces`, `failed` (why and when it failed live) and `retried` (the failure after which it was tried again) are remarks and no part of the content."
  type = map(object({
    created  = optional(string)
    failed   = optional(string)
    replaces = optional(string)
    retried  = optional(string)
    variants = map(object({
      release                = string
      image                  = string
      model_data_url         = string
      environment            = optional(map(string), {})
      execution_role_arn     = string
      weight                 = optional(number, 1)
      instance_type          = optional(string)
      initial_instance_count = optional(number)
      serverless = optional(object({
        memory_size_in_mb       = number
        max_concurrency         = number
        provisioned_concurrency = optional(number)
      }))
      container_startup_health_check_timeout_in_seconds = optional(number)
      model_data_download_timeout_in_seconds            = optional(number)
    }))
    shadow_variants = optional(map(object({
      release                = string
      image                  = string
      model_data_url         = string
      environment            = optional(map(string), {})
      execution_role_arn     = string
      weight                 = optional(number, 1)
      instance_type          = optional(string)
      initial_instance_count = optional(number)
      serverless = optional(object({
        memory_size_in_mb       = number
        max_concurrency         = number
        provisioned_concurrency = optional(number)
      }))
      container_startup_health_check_timeout_in_seconds = optional(number)
      model_data_download_timeout_in_seconds            = optional(number)
    })), {})
    asynchronous = optional(object({
      output_s3_uri                           = string
      failure_s3_uri                          = string
      key_arn                                 = optional(string)
      max_concurrent_invocations_per_instance = optional(number)
      success_topic_arn                       = optional(string)
      error_topic_arn                         = optional(string)
    }))
    data_capture = optional(object({
      sampling_percentage = number
      destination_s3_uri  = string
      modes               = optional(set(string), ["Input", "Output"])
      json_content_types  = optional(set(string), ["application/json"])
      csv_content_types   = optional(set(string), ["text/csv"])
      key_arn             = optional(string)
    }))
    network = optional(object({
      subnet_ids         = optional(set(string), [])
      security_group_ids = optional(set(string), [])
      isolation          = optional(bool, false)
    }))
    volume_key_arn = optional(string)
  }))
  nullable = false

  validation {
    condition     = length(var.revisions) > 0
    error_message = "endpoint ${var.name}: there is no revision to serve. Promote a release first, or leave the module out."
  }

  validation {
    condition     = length([for id in keys(var.revisions) : id if !can(regex("^r[1-9][0-9]{0,5}-[0-9a-f]{8}$", id))]) == 0
    error_message = "endpoint ${var.name}: a revision's key is r<number>-<8 hex digits>, as `slipway render` makes it; not so: ${join(", ", [for id in keys(var.revisions) : id if !can(regex("^r[1-9][0-9]{0,5}-[0-9a-f]{8}$", id))])}."
  }

  validation {
    condition     = alltrue([for revision in values(var.revisions) : length(revision.variants) >= 1 && length(revision.variants) <= 10])
    error_message = "endpoint ${var.name}: a revision has 1 to 10 variants. Correct ${join(", ", [for id, revision in var.revisions : id if !contains(range(1, 11), length(revision.variants))])}."
  }

  validation {
    condition = alltrue(flatten([
      for revision in values(var.revisions) : [
        for variant in keys(merge(revision.variants, revision.shadow_variants)) : can(regex("^[a-zA-Z0-9](-?[a-zA-Z0-9])*$", variant))
      ]
    ]))
    error_message = "endpoint ${var.name}: a variant's name has letters, digits and single hyphens. Rename among ${join(", ", distinct(flatten([for revision in values(var.revisions) : keys(merge(revision.variants, revision.shadow_variants))])))}."
  }

  validation {
    condition = alltrue([
      for revision in values(var.revisions) : length(setintersection(keys(revision.variants), keys(revision.shadow_variants))) == 0
    ])
    error_message = "endpoint ${var.name}: a shadow variant needs a name of its own, because metrics are told apart by it. Rename it in ${join(", ", [for id, revision in var.revisions : id if length(setintersection(keys(revision.variants), keys(revision.shadow_variants))) > 0])}."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
  validation {
    condition = alltrue(flatten([
      for revision in values(var.revisions) : [
        for settings in values(merge(revision.variants, revision.shadow_variants)) : [
          for seconds in [
            settings.container_startup_health_check_timeout_in_seconds, settings.model_data_download_timeout_in_seconds
          ] : try(seconds >= 60 && seconds <= 3600, seconds == null)
        ]
      ]
    ]))
    error_message = "endpoint ${var.name}: the start-up and download timeouts are 60 to 3600 seconds, or null for SageMaker's own. Correct them in ${join(", ", keys(var.revisions))}."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceConfig.html
  validation {
    condition = alltrue([
      for asynchronous in values(var.revisions)[*].asynchronous : asynchronous == null || try(
        alltrue([for place in [asynchronous.output_s3_uri, asynchronous.failure_s3_uri] : can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$", place))]) &&
        contains(range(1, 1001), coalesce(asynchronous.max_concurrent_invocations_per_instance, 1)) &&
        alltrue([for arn in compact([asynchronous.success_topic_arn, asynchronous.error_topic_arn]) : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))]),
      false)
    ])
    error_message = "endpoint ${var.name}: asynchronous takes two places in S3 with a prefix below the bucket, 1 to 1000 requests at once for each instance or null, and ARNs of SNS topics or null. Correct ${join(", ", [for id, revision in var.revisions : id if revision.asynchronous != null])}."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-exclusions.html; requests that lie in S3 are not captured:
  # https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html
  validation {
    condition = alltrue([
      for revision in values(var.revisions) : revision.asynchronous == null || (
        length(revision.variants) == 1 && length(revision.shadow_variants) == 0 && revision.data_capture == null && try(values(revision.variants)[0].serverless == null, true)
      )
    ])
    error_message = "endpoint ${var.name}: an asynchronous endpoint has one variant on instances, without serverless, shadow or data capture. Remove these from ${join(", ", [for id, revision in var.revisions : id if revision.asynchronous != null])}, or set asynchronous to null."
  }
}
