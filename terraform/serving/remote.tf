# What the foundation published for this account. `insecure_value`, because `value` is always sensitive and would hide
# all that derives from it in the plan; no secret is in it.
data "aws_ssm_parameter" "foundation" {
  count = local.deployed ? 1 : 0

  name = "/${local.env.project}/${local.env.name}/foundation"

  lifecycle {
    precondition {
      condition = alltrue([
        for variant in values(local.variants) : startswith(variant.image, "${local.env.account_id}.dkr.ecr.${local.env.region}.amazonaws.com/")
      ])
      error_message = "endpoint ${var.endpoint}: every image must come from ${local.env.account_id}.dkr.ecr.${local.env.region}.amazonaws.com, the registry of ${local.env.name}. Found ${join(", ", distinct(values(local.variants)[*].image))}. Promote the release instead of editing the file."
    }

    precondition {
      condition = alltrue([
        for variant in values(local.variants) : startswith(variant.execution_role_arn, "arn:aws:iam::${local.env.account_id}:role/")
      ])
      error_message = "endpoint ${var.endpoint}: every execution role must be of account ${local.env.account_id}. Found ${join(", ", distinct(values(local.variants)[*].execution_role_arn))}. The foundation's parameter names the right one."
    }

    precondition {
      condition = alltrue([
        for key_arn in concat(values(var.revisions)[*].volume_key_arn, [for revision in values(var.revisions) : try(revision.data_capture.key_arn, null)]) :
        key_arn == null || try(split(":", key_arn)[4] == local.env.account_id, false)
      ])
      error_message = "endpoint ${var.endpoint}: volume_key_arn and data_capture.key_arn must be keys of account ${local.env.account_id}, or instances cannot start when another account fails. Correct them."
    }

    postcondition {
      condition     = try(jsondecode(self.insecure_value).schema, 0) == 1
      error_message = "Parameter ${self.name} is not of schema 1, which this root reads. Apply terraform/foundation of the same version of this repository first."
    }

    # What a revision names must be of this environment: an instance that starts at night needs only its own account.
    postcondition {
      condition     = length(setsubtract(values(local.variants)[*].model, keys(try(jsondecode(self.insecure_value).models, {})))) == 0
      error_message = "endpoint ${var.endpoint}: the releases ${join(", ", distinct(values(local.variants)[*].release))} are of models that the foundation of ${local.env.name} must know, and it knows ${join(", ", keys(try(jsondecode(self.insecure_value).models, {})))}. Add the model to environment.tfvars and apply terraform/foundation, or correct the release."
    }

    postcondition {
      condition = alltrue([
        for variant in values(local.variants) :
        startswith(variant.model_data_url, "s3://${try(jsondecode(self.insecure_value).artifact_bucket, "")}/releases/${coalesce(variant.model, "?")}/${variant.release}/")
      ])
      error_message = "endpoint ${var.endpoint}: every model_data_url must lie below s3://${try(jsondecode(self.insecure_value).artifact_bucket, "")}/releases/<model>/<release>/, because ${local.env.name} reads nothing from another account. Found ${join(", ", distinct(values(local.variants)[*].model_data_url))}. Promote the release instead of editing the file."
    }

    postcondition {
      condition = alltrue([
        for capture in values(var.revisions)[*].data_capture :
        capture == null || startswith(try(capture.destination_s3_uri, ""), "s3://${try(jsondecode(self.insecure_value).artifact_bucket, "")}/")
      ])
      error_message = "endpoint ${var.endpoint}: requests are captured to s3://${try(jsondecode(self.insecure_value).artifact_bucket, "")}/capture/${var.endpoint}, and not to another bucket. Correct data_capture.destination_s3_uri."
    }

    postcondition {
      condition = alltrue(flatten([
        for asynchronous in values(var.revisions)[*].asynchronous : asynchronous == null ? [true] : [
          for place in [asynchronous.output_s3_uri, asynchronous.failure_s3_uri] :
          startswith(place, "s3://${try(jsondecode(self.insecure_value).artifact_bucket, "")}/async/${var.endpoint}/")
        ]
      ]))
      error_message = "endpoint ${var.endpoint}: an asynchronous endpoint answers below s3://${try(jsondecode(self.insecure_value).artifact_bucket, "")}/async/${var.endpoint}/, where its role may write. Render the revision again instead of editing the file."
    }

    postcondition {
      condition     = try(jsondecode(self.insecure_value).account_id, null) == local.env.account_id && try(jsondecode(self.insecure_value).region, null) == local.env.region
      error_message = "Parameter ${self.name} describes account ${try(jsondecode(self.insecure_value).account_id, "none")} in ${try(jsondecode(self.insecure_value).region, "no region")}, and environment ${local.env.name} is account ${local.env.account_id} in ${local.env.region}. Apply terraform/foundation there."
    }
  }
}

locals {
  foundation = local.deployed ? jsondecode(data.aws_ssm_parameter.foundation[0].insecure_value) : null

  # what deployments may make roles below; a foundation without boundaries publishes none
  boundary_arn = try(local.foundation.workload_boundary_arn, null)
}
