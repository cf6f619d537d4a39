data "aws_iam_policy_document" "runtime" {
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action knows no resource
  }

  # An asynchronous endpoint tells its topics of answers and failures in this role: topics of the same project and
  # environment, whose names begin as the role's does.
  statement {
    sid       = "TellTopics"
    actions   = ["sns:Publish"]
    resources = ["arn:aws:sns:${local.here}:${trimsuffix(var.name, "${var.model}-execution")}*"]
  }

  statement {
    sid = "PullOwnImage"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
    ]
    resources = [var.repository_arn]
  }

  statement {
    sid       = "MakeLogGroups"
    actions   = ["logs:CreateLogGroup", "logs:DescribeLogStreams"]
    resources = ["arn:aws:logs:${local.here}:log-group:/aws/sagemaker/*"]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:aws:logs:${local.here}:log-group:/aws/sagemaker/*:log-stream:*"]
  }

  statement {
    sid       = "WriteMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # the action knows no resource, the namespace bounds it

    condition {
      test     = "StringLike"
      variable = "cloudwatch:namespace"
      values   = ["/aws/sagemaker", "/aws/sagemaker/*"]
    }
  }
}
