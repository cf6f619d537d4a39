# What the next revision freezes. Terraform makes nothing of it: `slipway render` and `slipway promote` do. It is declared
# and validated here all the same, so that a plan refuses what a promotion would refuse later.

variable "serving" {
  description = "Settings of the next revision: variants by name with the model each serves, instances or serverless, whole weights; null means that a feature is off; timeouts are in seconds."
  type = object({
    variants = map(object({
      model          = string
      environment    = optional(map(string), {})
      weight         = optional(number, 1)
      instance_type  = optional(string)
      instance_count = optional(number)
      serverless = optional(object({
        memory_size_in_mb       = number
        max_concurrency         = number
        provisioned_concurrency = optional(number)
      }))
      container_startup_health_check_timeout_in_seconds = optional(number)
      model_data_download_timeout_in_seconds            = optional(number)
    }))
    shadow_variants = optional(map(object({
      model          = string
      environment    = optional(map(string), {})
      weight         = optional(number, 1)
      instance_type  = optional(string)
      instance_count = optional(number)
      serverless = optional(object({
        memory_size_in_mb       = number
        max_concurrency         = number
        provisioned_concurrency = optional(number)
      }))
      container_startup_health_check_timeout_in_seconds = optional(number)
      model_data_download_timeout_in_seconds            = optional(number)
    })), {})
    asynchronous = optional(object({
      max_concurrent_invocations_per_instance = optional(number)
      success_topic_arn                       = optional(string)
      error_topic_arn                         = optional(string)
    }))
    data_capture = optional(object({
      sampling_percentage = number
      modes               = optional(set(string), ["Input", "Output"])
      json_content_types  = optional(set(string), ["application/json"])
      csv_content_types   = optional(set(string), ["text/csv"])
    }))
    network = optional(object({
      subnet_ids         = optional(set(string), [])
      security_group_ids = optional(set(string), [])
      isolation          = optional(bool, false)
    }))
    volume_key_arn = optional(string)
  })
  nullable = false

  validation {
    condition = alltrue([
      for variant in values(merge(var.serving.variants, var.serving.shadow_variants)) : contains(keys(var.environment.models), variant.model)
    ])
    error_message = "endpoint ${var.endpoint}: serving names the models ${join(", ", distinct(values(merge(var.serving.variants, var.serving.shadow_variants))[*].model))}, and environment ${var.environment.name} has ${join(", ", keys(var.environment.models))}. Add the model to environment.tfvars and apply the foundation, or correct the name."
  }

  validation {
    condition     = length(var.serving.variants) >= 1 && length(var.serving.variants) <= 10
    error_message = "endpoint ${var.endpoint}: serving has ${length(var.serving.variants)} variants, and an endpoint takes 1 to 10."
  }

  validation {
    condition = alltrue([
      for variant in values(merge(var.serving.variants, var.serving.shadow_variants)) : variant.weight >= 0 && floor(variant.weight) == variant.weight
    ]) && sum(concat([0], values(var.serving.variants)[*].weight)) > 0
    error_message = "endpoint ${var.endpoint}: weights in serving are whole numbers from 0, and not all 0. Multiply or raise them."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html (ShadowProductionVariants),
  # https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-create.html (no serverless)
  validation {
    condition = length(var.serving.shadow_variants) == 0 || (
      length(var.serving.variants) == 1 && length(var.serving.shadow_variants) == 1 &&
      length(setintersection(keys(var.serving.variants), keys(var.serving.shadow_variants))) == 0 &&
      alltrue([for variant in values(merge(var.serving.variants, var.serving.shadow_variants)) : variant.serverless == null])
    )
    error_message = "endpoint ${var.endpoint}: a shadow in serving stands beside exactly one variant of another name, and neither is serverless. There are the variants ${join(", ", keys(var.serving.variants))} and the shadows ${join(", ", keys(var.serving.shadow_variants))}."
  }

  # a shadow receives a copy of (its weight / the variant's weight) of the requests
  validation {
    condition     = alltrue([for weight in values(var.serving.shadow_variants)[*].weight : weight >= 1 && weight <= sum(values(var.serving.variants)[*].weight)])
    error_message = "endpoint ${var.endpoint}: a shadow's weight in serving is from 1 to the weight of the variant that it shadows, which gives its share of copied requests. Change the weights."
  }

  validation {
    condition = alltrue([
      for variant in values(merge(var.serving.variants, var.serving.shadow_variants)) : variant.serverless == null ? (
        can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", variant.instance_type)) && try(variant.instance_count >= 1 && floor(variant.instance_count) == variant.instance_count, false)
        ) : (
        variant.instance_type == null && variant.instance_count == null
      )
    ])
    error_message = "endpoint ${var.endpoint}: a variant in serving has either serverless, or an instance_type like ml.m5.large with an instance_count from 1. Decide for each of ${join(", ", keys(merge(var.serving.variants, var.serving.shadow_variants)))}."
  }

  validation {
    condition     = try(contains(range(1, 101), var.serving.data_capture.sampling_percentage), var.serving.data_capture == null)
    error_message = "endpoint ${var.endpoint}: data_capture in serving takes a whole sampling_percentage from 1 to 100; null turns it off."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html
  validation {
    condition = var.serving.network == null || try(
      (length(var.serving.network.subnet_ids) == 0) == (length(var.serving.network.security_group_ids) == 0) &&
      length(var.serving.network.subnet_ids) <= 16 && length(var.serving.network.security_group_ids) <= 5 &&
      alltrue([for id in var.serving.network.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))]) &&
      alltrue([for id in var.serving.network.security_group_ids : can(regex("^sg-[0-9a-f]+$", id))]),
    false)
    error_message = "endpoint ${var.endpoint}: network in serving takes 1 to 16 subnet_ids like subnet-0a1b2c3d together with 1 to 5 security_group_ids like sg-0a1b2c3d, or neither. Complete it."
  }

  # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (feature exclusions)
  validation {
    condition = alltrue([for variant in values(var.serving.variants) : variant.serverless == null]) || (
      length(var.serving.variants) == 1 && var.serving.network == null && var.serving.data_capture == null
    )
    error_message = "endpoint ${var.endpoint}: a serverless variant in serving stands alone, because SageMaker refuses other variants, data capture and network settings beside it. Remove them, or use instances."
  }

  validation {
    condition     = var.serving.volume_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.serving.volume_key_arn))
    error_message = "endpoint ${var.endpoint}: volume_key_arn in serving is the ARN of a KMS key and no alias, or null. Correct it."
  }

  validation {
    condition = var.serving.volume_key_arn == null || alltrue([
      for variant in values(merge(var.serving.variants, var.serving.shadow_variants)) : !can(regex(local.local_disk_families, variant.instance_type))
    ])
    error_message = "endpoint ${var.endpoint}: SageMaker refuses a volume_key_arn with instances that encrypt disks of their own in hardware, and serving has ${join(", ", compact(values(merge(var.serving.variants, var.serving.shadow_variants))[*].instance_type))}. Set it to null, or take another family."
  }
}
