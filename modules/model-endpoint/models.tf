resource "aws_sagemaker_model" "this" {
  #checkov:skip=CKV_AWS_370: a setting of the revision, network.isolation; an isolated container cannot call what a model may need
  for_each = local.models

  name                     = local.model_names[each.key]
  execution_role_arn       = each.value[0].execution_role_arn
  enable_network_isolation = try(each.value[0].network.isolation, false)

  primary_container {
    image          = each.value[0].image
    model_data_url = each.value[0].model_data_url
    environment    = each.value[0].environment
  }

  dynamic "vpc_config" {
    for_each = length(try(each.value[0].network.subnet_ids, [])) > 0 ? [each.value[0].network] : []

    content {
      subnets            = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = { release = each.value[0].release }

  lifecycle {
    # A model that a live config names must outlive the update that moves the endpoint away from it.
    create_before_destroy = true

    precondition {
      condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", each.value[0].image))
      error_message = "endpoint ${var.name}, release ${each.value[0].release}: image ${each.value[0].image} is not pinned. Write it as <account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex digits>."
    }

    precondition {
      condition     = can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+\\.tar\\.gz$", each.value[0].model_data_url))
      error_message = "endpoint ${var.name}, release ${each.value[0].release}: model_data_url ${each.value[0].model_data_url} is not an archive in S3. Write it as s3://<bucket>/<key>.tar.gz."
    }

    precondition {
      condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$", each.value[0].execution_role_arn))
      error_message = "endpoint ${var.name}, release ${each.value[0].release}: execution_role_arn ${each.value[0].execution_role_arn} is not a role. Give the ARN of the model's execution role."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
    precondition {
      condition = length(each.value[0].environment) <= 100 && alltrue([
        for name, value in each.value[0].environment : can(regex("^[a-zA-Z_][a-zA-Z0-9_]*$", name)) && max(length(name), length(value)) <= 1024
      ])
      error_message = "endpoint ${var.name}, release ${each.value[0].release}: a container takes 100 environment variables, named with letters, digits and underscores, with values of 1024 characters at most. Correct ${join(", ", keys(each.value[0].environment))}."
    }

    precondition {
      condition     = length(try(each.value[0].network.subnet_ids, [])) == 0 ? length(try(each.value[0].network.security_group_ids, [])) == 0 : length(try(each.value[0].network.security_group_ids, [])) > 0
      error_message = "endpoint ${var.name}, release ${each.value[0].release}: network needs both subnet_ids and security_group_ids, or neither. Complete it."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html
    precondition {
      condition = (
        length(try(each.value[0].network.subnet_ids, [])) <= 16 && length(try(each.value[0].network.security_group_ids, [])) <= 5 &&
        alltrue([for id in try(each.value[0].network.subnet_ids, []) : can(regex("^subnet-[0-9a-f]+$", id))]) &&
        alltrue([for id in try(each.value[0].network.security_group_ids, []) : can(regex("^sg-[0-9a-f]+$", id))])
      )
      error_message = "endpoint ${var.name}, release ${each.value[0].release}: network takes 16 subnet_ids like subnet-0a1b2c3d at most, and 5 security_group_ids like sg-0a1b2c3d. Correct it."
    }

    # https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html: no call leaves an isolated container,
    # not even to S3. SageMaker brings archive and image itself, and a source archive the container would have to fetch.
    precondition {
      condition     = !try(each.value[0].network.isolation, false) || !startswith(try(each.value[0].environment.SAGEMAKER_SUBMIT_DIRECTORY, ""), "s3://")
      error_message = "endpoint ${var.name}, release ${each.value[0].release}: its container must fetch its source from ${try(each.value[0].environment.SAGEMAKER_SUBMIT_DIRECTORY, "S3")}, and network.isolation lets no call out. Put the source into the model archive or the image, or set isolation to false."
    }

    precondition {
      condition     = length(local.model_names[each.key]) <= 63
      error_message = "endpoint ${var.name}: model name ${local.model_names[each.key]} has ${length(local.model_names[each.key])} characters and SageMaker takes 63. Shorten the endpoint's or the variant's name by ${max(0, length(local.model_names[each.key]) - 63)}."
    }
  }
}
