# What terraform/serving and the glue read. No secret is in it, so insecure_value: a plan then shows what changes.
resource "aws_ssm_parameter" "foundation" {
  #checkov:skip=CKV2_AWS_34: no secret is in it, and a plan must show what changes
  name        = "/${local.env.project}/${local.env.name}/foundation"
  description = "What the foundation of ${local.env.name} offers to endpoints and to the glue"
  type        = "String"
  tier        = "Intelligent-Tiering" # 4 KB are free; many models need more
  overwrite   = true                  # what a killed run left behind is written over; an import would differ for ever

  insecure_value = jsonencode(merge({ for queue in local.queue[*] : "training_queue" => queue }, {
    schema                 = 1
    project                = local.env.project
    environment            = local.env.name
    account_id             = local.env.account_id
    region                 = local.env.region
    artifact_bucket        = module.artifact_store.name
    artifact_key_arn       = module.artifact_store.key_arn
    evidence_key_alias     = module.evidence_key.alias
    evidence_key_arn       = module.evidence_key.arn
    notification_topic_arn = module.notification_topic.arn
    workload_boundary_arn  = local.workload_boundary_arn

    models = {
      for model in keys(local.env.models) : model => {
        execution_role_arn  = module.execution_role[model].arn
        repository_url      = module.image_registry.repository_urls[model]
        model_package_group = aws_sagemaker_model_package_group.this[model].model_package_group_name
      }
    }
  }))
}
