# The most that a role made by a deployment can ever do: run and call models. No IAM, no administration, no deletion.
locals {
  workload = {
    ReadData = {
      effect     = "Allow"
      actions    = ["s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]
      resources  = ["arn:aws:s3:::*"] # training data may lie anywhere; the role itself names the places
      conditions = []
    }
    # Or whoever deploys a function could read, by its role, states that its own role may not; a plan holds a state.
    DenyReadingStates = {
      effect  = "Deny"
      actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]
      resources = [
        "arn:aws:s3:::${local.prefix}-tfstate-${var.account_id}",
        "arn:aws:s3:::${local.prefix}-tfstate-${var.account_id}/*",
        "arn:aws:s3:::${var.artifact_bucket}/plans/*",
      ]
      conditions = []
    }
    WriteOutputs = {
      effect  = "Allow"
      actions = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = [
        "arn:aws:s3:::${var.artifact_bucket}/async/*",
        "arn:aws:s3:::${var.artifact_bucket}/capture/*",
        "arn:aws:s3:::${var.artifact_bucket}/monitoring/*",
        "arn:aws:s3:::${var.artifact_bucket}/training/*",
      ]
      conditions = []
    }
    # Containers train; what became of their jobs, and who is told of it, the training queue says.
    DenySpeakingForTheQueue = {
      effect  = "Deny"
      actions = ["s3:PutObject", "sns:Publish"]
      resources = [
        "arn:aws:s3:::${var.artifact_bucket}/training/*/release.json",
        "arn:aws:sns:${local.here}:${local.queue_name}",
      ]
      conditions = []
    }
    UseKeysThroughS3 = {
      effect    = "Allow"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["arn:aws:kms:*:*:key/*"]
      conditions = [
        { test = "StringLike", variable = "kms:ViaService", values = ["s3.*.amazonaws.com"] },
      ]
    }
    PullImages = {
      effect     = "Allow"
      actions    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources  = ["arn:aws:ecr:${local.here}:repository/${var.project}/*"]
      conditions = []
    }
    InvokeEndpoints = {
      effect     = "Allow"
      actions    = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
      resources  = ["arn:aws:sagemaker:${local.here}:endpoint/${local.prefix}-*"]
      conditions = []
    }
    TellPeople = {
      effect     = "Allow"
      actions    = ["sns:Publish"]
      resources  = ["arn:aws:sns:${local.here}:${local.prefix}-*"]
      conditions = []
    }
    LookAtEndpoints = {
      effect  = "Allow"
      actions = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"]
      resources = [
        "arn:aws:sagemaker:${local.here}:endpoint-config/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:endpoint/${local.prefix}-*",
        "arn:aws:sagemaker:${local.here}:model/${local.prefix}-*",
      ]
      conditions = []
    }
    WriteLogs = {
      effect  = "Allow"
      actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = [
        "arn:aws:logs:${local.here}:log-group:/aws/lambda/${local.prefix}-*",
        "arn:aws:logs:${local.here}:log-group:/aws/sagemaker/*",
      ]
      conditions = []
    }
    UseWhatKnowsNoResource = {
      effect = "Allow"
      actions = [
        "cloudwatch:PutMetricData",
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
      ]
      resources  = ["*"] # a boundary grants nothing: the role itself says which network
      conditions = []
    }
  }
}
