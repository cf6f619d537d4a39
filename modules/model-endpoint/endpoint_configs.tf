resource "aws_sagemaker_endpoint_configuration" "this" {
  for_each = var.revisions

  name        = local.config_names[each.key]
  kms_key_arn = each.value.volume_key_arn

  dynamic "production_variants" {
    for_each = each.value.variants
    iterator = variant

    content {
      variant_name                                      = variant.key
      model_name                                        = aws_sagemaker_model.this[local.model_keys["${each.key}/${variant.key}"]].name
      initial_variant_weight                            = variant.value.weight
      instance_type                                     = variant.value.instance_type
      initial_instance_count                            = variant.value.initial_instance_count
      container_startup_health_check_timeout_in_seconds = variant.value.container_startup_health_check_timeout_in_seconds
      model_data_download_timeout_in_seconds            = variant.value.model_data_download_timeout_in_seconds

      dynamic "serverless_config" {
        for_each = variant.value.serverless[*]

        content {
          memory_size_in_mb       = serverless_config.value.memory_size_in_mb
          max_concurrency         = serverless_config.value.max_concurrency
          provisioned_concurrency = serverless_config.value.provisioned_concurrency
        }
      }
    }
  }

  dynamic "shadow_production_variants" {
    for_each = each.value.shadow_variants
    iterator = variant

    content {
      variant_name                                      = variant.key
      model_name                                        = aws_sagemaker_model.this[local.model_keys["${each.key}/${variant.key}"]].name
      initial_variant_weight                            = variant.value.weight
      instance_type                                     = variant.value.instance_type
      initial_instance_count                            = variant.value.initial_instance_count
      container_startup_health_check_timeout_in_seconds = variant.value.container_startup_health_check_timeout_in_seconds
      model_data_download_timeout_in_seconds            = variant.value.model_data_download_timeout_in_seconds
    }
  }

  dynamic "data_capture_config" {
    for_each = each.value.data_capture[*]
    iterator = capture

    content {
      enable_capture              = true
      initial_sampling_percentage = capture.value.sampling_percentage
      destination_s3_uri          = capture.value.destination_s3_uri
      kms_key_id                  = capture.value.key_arn

      dynamic "capture_options" {
        for_each = capture.value.modes

        content {
          capture_mode = capture_options.value
        }
      }

      capture_content_type_header {
        json_content_types = capture.value.json_content_types
        csv_content_types  = capture.value.csv_content_types
      }
    }
  }

  # Requests and answers lie in S3: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
  dynamic "async_inference_config" {
    for_each = each.value.asynchronous[*]
    iterator = asynchronous

    content {
      client_config {
        max_concurrent_invocations_per_instance = asynchronous.value.max_concurrent_invocations_per_instance
      }

      output_config {
        s3_output_path  = asynchronous.value.output_s3_uri
        s3_failure_path = asynchronous.value.failure_s3_uri
        kms_key_id      = asynchronous.value.key_arn

        dynamic "notification_config" {
          for_each = length(compact([asynchronous.value.success_topic_arn, asynchronous.value.error_topic_arn])) > 0 ? [asynchronous.value] : []

          content {
            success_topic = notification_config.value.success_topic_arn
            error_topic   = notification_config.value.error_topic_arn
          }
        }
      }
    }
  }

  tags = { revision = each.key }

  lifecycle {
    # A config in use must not be deleted: the endpoint moves first, then the old config goes.
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpointConfig.html
    create_before_destroy = true

    precondition {
      condition = alltrue([
        for settings in values(local.all_variants[each.key]) : settings.weight >= 0 && floor(settings.weight) == settings.weight
      ])
      error_message = "endpoint ${var.name}, revision ${each.key}: a weight is a whole number from 0. AWS stores a fraction as another number, which would renew the config on every plan. Multiply the weights until they are whole."
    }

    precondition {
      condition     = sum(values(each.value.variants)[*].weight) > 0
      error_message = "endpoint ${var.name}, revision ${each.key}: all weights are 0, so no variant takes traffic. Raise the weight of ${join(" or ", keys(each.value.variants))}."
    }

    precondition {
      condition = alltrue([
        for settings in values(local.all_variants[each.key]) : settings.serverless == null ? (
          settings.instance_type != null && settings.initial_instance_count != null
          ) : (
          settings.instance_type == null && settings.initial_instance_count == null
        )
      ])
      error_message = "endpoint ${var.name}, revision ${each.key}: a variant has either serverless, or both instance_type and initial_instance_count. Decide for each of ${join(", ", keys(local.all_variants[each.key]))}."
    }

    precondition {
      condition = alltrue([
        for settings in values(local.all_variants[each.key]) : settings.serverless != null || try(
          can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", settings.instance_type)) &&
          settings.initial_instance_count >= 1 && floor(settings.initial_instance_count) == settings.initial_instance_count,
        true)
      ])
      error_message = "endpoint ${var.name}, revision ${each.key}: instance_type looks like ml.m5.large, and initial_instance_count is a whole number from 1. Correct ${join(", ", keys(local.all_variants[each.key]))}."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html
    precondition {
      condition = alltrue([
        for serverless in values(local.all_variants[each.key])[*].serverless : serverless == null || try(
          contains(range(1024, 6145, 1024), serverless.memory_size_in_mb) && contains(range(1, 201), serverless.max_concurrency) &&
          contains(range(1, serverless.max_concurrency + 1), coalesce(serverless.provisioned_concurrency, 1)),
        false)
      ])
      error_message = "endpoint ${var.name}, revision ${each.key}: serverless takes a memory of 1024 to 6144 MB in steps of 1024, max_concurrency of 1 to 200, and provisioned_concurrency of 1 to max_concurrency or null. Correct them."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    precondition {
      condition = alltrue([for settings in values(local.all_variants[each.key]) : settings.serverless == null]) || (
        length(local.all_variants[each.key]) == 1 && each.value.data_capture == null && each.value.network == null
      )
      error_message = "endpoint ${var.name}, revision ${each.key}: a serverless variant stands alone, because SageMaker refuses other variants, shadows, data capture and network settings beside it. Remove them, or use instances."
    }

    precondition {
      condition     = length(each.value.shadow_variants) == 0 || (length(each.value.variants) == 1 && length(each.value.shadow_variants) == 1)
      error_message = "endpoint ${var.name}, revision ${each.key}: a shadow needs exactly one variant and one shadow variant, and there are ${length(each.value.variants)} and ${length(each.value.shadow_variants)}. Remove the others."
    }

    # the shadow receives a copy of (its weight / the variant's weight) of the requests
    precondition {
      condition = alltrue([
        for weight in values(each.value.shadow_variants)[*].weight : weight >= 1 && weight <= sum(values(each.value.variants)[*].weight)
      ])
      error_message = "endpoint ${var.name}, revision ${each.key}: a shadow's weight is from 1 to the weight of the variant that it shadows, which gives its share of copied requests. Change the weights."
    }

    precondition {
      condition = each.value.data_capture == null || try(
        contains(range(1, 101), each.value.data_capture.sampling_percentage) &&
        can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$", each.value.data_capture.destination_s3_uri)) &&
        length(each.value.data_capture.modes) > 0 && length(setsubtract(each.value.data_capture.modes, ["Input", "Output"])) == 0,
      false)
      error_message = "endpoint ${var.name}, revision ${each.key}: data_capture takes a whole sampling_percentage of 1 to 100, a destination_s3_uri with a prefix below the bucket, and modes Input, Output or both. Correct them."
    }

    precondition {
      condition = alltrue([
        for key in compact([each.value.volume_key_arn, try(each.value.data_capture.key_arn, null), try(each.value.asynchronous.key_arn, null)]) : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", key))
      ])
      error_message = "endpoint ${var.name}, revision ${each.key}: volume_key_arn and the key_arn of data_capture and asynchronous are ARNs of KMS keys and no aliases, or null. Correct them."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html (KmsKeyId)
    precondition {
      condition = each.value.volume_key_arn == null || alltrue([
        for settings in values(local.all_variants[each.key]) : !can(regex(local.local_disk_families, settings.instance_type))
      ])
      error_message = "endpoint ${var.name}, revision ${each.key}: SageMaker refuses volume_key_arn with instances that encrypt disks of their own in hardware (${join(", ", compact(values(local.all_variants[each.key])[*].instance_type))}). Set it to null, or take another family."
    }

    precondition {
      condition     = length(local.config_names[each.key]) <= 63
      error_message = "endpoint ${var.name}: config name ${local.config_names[each.key]} has ${length(local.config_names[each.key])} characters and SageMaker takes 63. Shorten the endpoint's name by ${max(0, length(local.config_names[each.key]) - 63)}."
    }
  }
}
