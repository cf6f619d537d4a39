# All come from environments/<environment>/endpoints/<endpoint>.revisions.tfvars, which the glue writes. The type repeats
# that of modules/model-endpoint, which validates the content; tests/terraform compares the two.

variable "live" {
  description = "Key of the revision that the endpoint points at; null before the first promotion."
  type        = string
  default     = null

  validation {
    condition     = (var.live == null) == (length(var.revisions) == 0)
    error_message = "endpoint ${var.endpoint}: live is ${jsonencode(var.live)} and there are ${length(var.revisions)} revisions. Before the first promotion live is null and revisions is empty; after it live names one of them."
  }
}

variable "revisions" {
  description = "Every retained revision by its id, frozen: never edited, only added and pruned. Empty before the first promotion."
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
  default  = {}
  nullable = false
}
