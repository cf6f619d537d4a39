# Shared locals: what a revision's content is, and the names that follow from it.
#
# Everything that forces a new model or config is in its hash. Null attributes are left out of it at every level: a new
# optional attribute in the type of `revisions` then renames nothing that exists.

locals {
  all_variants = { for id, revision in var.revisions : id => merge(revision.variants, revision.shadow_variants) }

  # Every variant of every retained revision on one level, keyed "<revision>/<variant>".
  placements = merge([
    for id, revision in var.revisions : {
      for variant, settings in local.all_variants[id] : "${id}/${variant}" => {
        variant = variant
        content = {
          for attribute, value in {
            release            = settings.release
            image              = settings.image
            model_data_url     = settings.model_data_url
            environment        = settings.environment
            execution_role_arn = settings.execution_role_arn
            network            = try({ for a, v in revision.network : a => v if v != null }, null)
          } : attribute => value if value != null
        }
      }
    }
  ]...)

  # Keyed by content, so that two revisions with equal content share one model, and pruning one of them keeps it.
  model_keys = {
    for place, model in local.placements :
    place => "${model.variant}-${substr(sha256(jsonencode(model.content)), 0, 10)}"
  }
  models = {
    for place, model in local.placements : local.model_keys[place] => model.content...
  }
  model_names = { for key in keys(local.models) : key => "${var.name}-${key}" }

  config_contents = {
    for id, revision in var.revisions : id => {
      for attribute, value in {
        variants        = { for variant in keys(revision.variants) : variant => local.variant_contents["${id}/${variant}"] }
        shadow_variants = { for variant in keys(revision.shadow_variants) : variant => local.variant_contents["${id}/${variant}"] }
        asynchronous    = try({ for a, v in revision.asynchronous : a => v if v != null }, null)
        data_capture    = try({ for a, v in revision.data_capture : a => v if v != null }, null)
        volume_key_arn  = revision.volume_key_arn
      } : attribute => value if value != null
    }
  }
  variant_contents = merge([
    for id, revision in var.revisions : {
      for variant, settings in local.all_variants[id] : "${id}/${variant}" => {
        for attribute, value in {
          model_name                                        = local.model_names[local.model_keys["${id}/${variant}"]]
          weight                                            = settings.weight
          instance_type                                     = settings.instance_type
          initial_instance_count                            = settings.initial_instance_count
          serverless                                        = try({ for a, v in settings.serverless : a => v if v != null }, null)
          container_startup_health_check_timeout_in_seconds = settings.container_startup_health_check_timeout_in_seconds
          model_data_download_timeout_in_seconds            = settings.model_data_download_timeout_in_seconds
        } : attribute => value if value != null
      }
    }
  ]...)
  config_names = {
    for id, content in local.config_contents :
    id => "${var.name}-${id}-${substr(sha256(jsonencode(content)), 0, 8)}"
  }

  live = var.revisions[var.live]

  # Instances with NVMe disks of their own: a "d" after the family's number, and these families.
  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html (KmsKeyId)
  local_disk_families = "^ml\\.([a-z]+[0-9]+[a-z]*d[a-z]*|dl1|g5|g6|g6e|gr6|p5|p5e|p5en|trn1|trn1n|trn2)\\."
}
