# It removes releases and images that no revision needs any more: current versions only, never evidence or records.
locals {
  prune = merge(local.read_parameter, local.record, {
    ReadReleases = {
      actions    = ["s3:GetObject", "s3:GetObjectVersion"]
      resources  = ["${local.artifacts}/evidence/*", "${local.artifacts}/release-index/*", "${local.artifacts}/releases/*"]
      conditions = []
    }
    ListArtifacts = {
      actions    = ["s3:GetBucketLocation", "s3:ListBucket"]
      resources  = [local.artifacts]
      conditions = []
    }
    DeleteReleases = {
      actions    = ["s3:DeleteObject"]
      resources  = ["${local.artifacts}/releases/*"] # not the index: an id is never given twice
      conditions = []
    }
    DeleteImages = {
      actions    = ["ecr:BatchDeleteImage", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListImages"]
      resources  = [local.repositories]
      conditions = []
    }
    AskEndpoints = {
      actions = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"]
      resources = [
        "arn:aws:sagemaker:${local.here}:endpoint-config/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:endpoint/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:model/${local.prefix}-*",
      ]
      conditions = []
    }
    AskLists = {
      actions    = ["sagemaker:ListEndpointConfigs", "sagemaker:ListEndpoints", "sagemaker:ListModels"]
      resources  = ["*"] # these actions know no resource
      conditions = []
    }
  })
}
