# The glue's role: it copies releases, records them, and asks what is live. It changes no endpoint: Terraform does.
locals {
  promote = merge(local.read_parameter, {
    ReadSourceReleases = {
      actions    = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
      resources  = [for from in local.source : "arn:aws:s3:::${var.project}-${from.name}-artifacts-${from.account_id}/releases/*"]
      conditions = []
    }
    ListSourceReleases = {
      actions   = ["s3:ListBucket"]
      resources = [for from in local.source : "arn:aws:s3:::${var.project}-${from.name}-artifacts-${from.account_id}"]
      conditions = [
        { test = "StringLike", variable = "s3:prefix", values = ["releases/*"] },
      ]
    }
    DecryptSourceReleases = {
      actions   = ["kms:Decrypt"]
      resources = [for from in local.source : "arn:aws:kms:${from.region}:${from.account_id}:key/*"]
      conditions = flatten([
        for from in local.source : [
          { test = "StringEquals", variable = "kms:ViaService", values = ["s3.${from.region}.amazonaws.com"] },
          { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = ["alias/${var.project}-${from.name}-artifacts"] },
        ]
      ])
    }
    WriteReleases = {
      actions = [
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
        "s3:PutObjectTagging",
      ]
      resources  = ["${local.artifacts}/evidence/*", "${local.artifacts}/release-index/*", "${local.artifacts}/releases/*"]
      conditions = []
    }
    ReadTrainingOutputs = {
      actions    = ["s3:GetObject", "s3:GetObjectVersion"]
      resources  = ["${local.artifacts}/training/*"]
      conditions = []
    }
    ListArtifacts = {
      actions    = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      resources  = [local.artifacts]
      conditions = []
    }
    UseArtifactKey = {
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [local.keys]
      conditions = [local.through_s3, local.of_artifact_key]
    }
    TagImages = {
      actions = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchDeleteImage",
        "ecr:BatchGetImage",
        "ecr:DescribeImageScanFindings",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:GetDownloadUrlForLayer",
        "ecr:ListImages",
        "ecr:PutImage",
      ]
      resources  = [local.repositories]
      conditions = []
    }
    PushImages = {
      actions    = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart"]
      resources  = var.promotes_from == null ? [local.repositories] : [] # elsewhere images arrive by replication
      conditions = []
    }
    # Where releases are made, their models are trained: jobs by name, in the models' own roles.
    TrainModels = {
      actions    = ["sagemaker:AddTags", "sagemaker:CreateTrainingJob", "sagemaker:StopTrainingJob"]
      resources  = var.promotes_from == null ? ["arn:aws:sagemaker:${local.here}:training-job/${local.prefix}-*"] : []
      conditions = []
    }
    PassTrainingRoles = {
      actions    = ["iam:PassRole"]
      resources  = var.promotes_from == null ? ["${local.iam}:role/${local.prefix}-*-execution"] : []
      conditions = [local.to_sagemaker]
    }
    RegisterReleases = {
      actions = [
        "sagemaker:AddTags",
        "sagemaker:CreateModelPackage",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:ListModelPackages",
        "sagemaker:UpdateModelPackage",
      ]
      resources = [
        "arn:aws:sagemaker:${local.here}:model-package-group/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:model-package/${local.prefix}-*",
      ]
      conditions = []
    }
    AskEndpoints = {
      actions = [
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
        "sagemaker:InvokeEndpoint",
        "sagemaker:ListTags",
      ]
      resources = [
        "arn:aws:sagemaker:${local.here}:endpoint-config/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:endpoint/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:model/${local.prefix}-*",
      ]
      conditions = []
    }
    AskTrainingJobs = {
      actions    = ["sagemaker:DescribeTrainingJob"]
      resources  = ["arn:aws:sagemaker:${local.here}:training-job/*"]
      conditions = []
    }
    AskAlarms = {
      actions    = ["cloudwatch:DescribeAlarms"]
      resources  = ["arn:aws:cloudwatch:${local.here}:alarm:*"]
      conditions = []
    }
    CallInvokers = {
      actions    = ["lambda:InvokeFunction"]
      resources  = ["arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker", "arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker:*"]
      conditions = []
    }
    AskLists = {
      actions = [
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:ListEndpoints",
        "sagemaker:ListModelPackageGroups",
        "sagemaker:ListModels",
        "sagemaker:ListTrainingJobs",
      ]
      resources  = ["*"] # these actions know no resource
      conditions = []
    }
  })
}
