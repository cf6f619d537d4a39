# The glue's role: it copies releases, records them, and asks what is live. It changes no endpoint: Terraform does.
locals {
  promote = merge(local.read_parameter, {
    ReadSourceReleases = {
      actions = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
      resources = flatten([
        for from in local.source : [
          "arn:aws:s3:::${var.project}-${from.name}-artifacts-${from.account_id}/evidence/*",
          "arn:aws:s3:::${var.project}-${from.name}-artifacts-${from.account_id}/releases/*",
        ]
      ])
      conditions = []
    }
    ListSourceReleases = {
      actions   = ["s3:ListBucket"]
      resources = [for from in local.source : "arn:aws:s3:::${var.project}-${from.name}-artifacts-${from.account_id}"]
      conditions = [
        { test = "StringLike", variable = "s3:prefix", values = ["evidence/*", "releases/*"] },
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
    # The source's key is named by its alias's ARN, made from this environment's own data, never from the evidence.
    VerifySourceEvidence = {
      actions   = ["kms:GetPublicKey", "kms:Verify"]
      resources = [for from in local.source : "arn:aws:kms:${from.region}:${from.account_id}:key/*"]
      conditions = [
        for from in local.source :
        { test = "ForAnyValue:StringEquals", variable = "kms:ResourceAliases", values = ["alias/${var.project}-${from.name}-evidence"] }
      ]
    }
    SignEvidence = {
      actions    = ["kms:Sign"]
      resources  = [local.keys]
      conditions = [local.of_evidence_key, local.of_digests]
    }
    VerifyEvidence = {
      actions    = ["kms:GetPublicKey", "kms:Verify"]
      resources  = [local.keys]
      conditions = [local.of_evidence_key]
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
      resources = [
        "${local.artifacts}/async/*",
        "${local.artifacts}/audit/*",
        "${local.artifacts}/datasets/*",
        "${local.artifacts}/evidence/*",
        "${local.artifacts}/feedback/*",
        "${local.artifacts}/release-index/*",
        "${local.artifacts}/releases/*",
      ]
      conditions = []
    }
    ReadRequests = {
      actions    = ["s3:GetObject", "s3:GetObjectVersion"]
      resources  = ["${local.artifacts}/break-glass/*", "${local.artifacts}/capture/*", "${local.artifacts}/monitoring/*"]
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
    # `slipway train release` makes the release of a job that the queue's function could not.
    SayWhatBecameOfJobs = {
      actions    = ["s3:PutObject"]
      resources  = [for queue in local.queues : "${local.artifacts}/training/*/release.json"]
      conditions = []
    }
    ReadRegistry = {
      actions    = ["sagemaker:AddTags", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages"]
      resources  = local.registered
      conditions = []
    }
    RegisterReleases = {
      actions    = ["sagemaker:CreateModelPackage"]
      resources  = local.registered
      conditions = var.approval_by_others ? [local.pending] : [] # or it would register as approved what others must approve
    }
    ApproveReleases = {
      actions    = ["sagemaker:UpdateModelPackage"]
      resources  = var.approval_by_others ? [] : local.registered
      conditions = []
    }
    AskEndpoints = {
      actions = [
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
        "sagemaker:InvokeEndpoint",
        "sagemaker:InvokeEndpointAsync",
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
      actions    = ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"]
      resources  = ["arn:aws:cloudwatch:${local.here}:alarm:*"]
      conditions = []
    }
    # What turns the abort alarm of a deployment red.
    AbortDeployments = {
      actions    = ["cloudwatch:PutMetricData"]
      resources  = ["*"] # the action knows no resource
      conditions = [{ test = "StringEquals", variable = "cloudwatch:namespace", values = ["Slipway/Deployments"] }]
    }
    CallFunctions = {
      actions = ["lambda:InvokeFunction"]
      resources = [
        "arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker",
        "arn:aws:lambda:${local.here}:function:${local.prefix}-*-invoker:*",
        "arn:aws:lambda:${local.here}:function:${local.prefix}-*-monitor",
      ]
      conditions = []
    }
    # The queue's monitor is named like an endpoint's: whoever calls it tells it how jobs ended.
    LeaveTrainingQueue = {
      effect     = "Deny"
      actions    = ["lambda:InvokeFunction"]
      resources  = local.queue_functions
      conditions = []
    }
    AskLists = {
      actions = [
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingActivities",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:DescribeScheduledActions",
        "cloudwatch:GetMetricData",
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
