resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50: a run takes seconds and reports what it did; a trace would say the same and cost more
  #checkov:skip=CKV_AWS_117: it talks to SageMaker, S3 and CloudWatch only, which are public and authenticated
  #checkov:skip=CKV_AWS_116: an event that failed is told by the alarm on errors; the next schedule judges anew
  #checkov:skip=CKV_AWS_272: the package is built from this repository, byte for byte, and its hash is in the plan
  #checkov:skip=CKV_AWS_115: one schedule is its only caller; a reservation would take capacity from others
  function_name    = var.name
  description      = "Compares what ${local.endpoint_name} is asked and says with what its live releases were made with."
  role             = aws_iam_role.this.arn
  filename         = var.package_path
  source_code_hash = filebase64sha256(var.package_path)
  runtime          = "python3.11"
  architectures    = ["arm64"]
  handler          = "monitor.handle"
  memory_size      = var.memory_mb
  timeout          = 900 # Lambda's most: what is left of it is the function's budget for reading
  kms_key_arn      = var.key_arn

  environment {
    variables = {
      BUCKET               = var.artifact_store.bucket
      ENDPOINT             = var.endpoint
      ENDPOINT_NAME        = local.endpoint_name
      LABEL_WINDOW_MINUTES = tostring(var.labels.window_minutes)
      MOST_REQUESTS        = tostring(var.most_requests)
      SMALLEST_LABELS      = tostring(var.labels.smallest)
      SMALLEST_ROWS        = tostring(var.drift.smallest_rows)
      WINDOW_MINUTES       = tostring(var.drift.window_minutes)
    }
  }

  # Without its policy the function's first runs would be refusals; without its group Lambda would make one.
  depends_on = [aws_iam_role_policy.monitor, aws_cloudwatch_log_group.this]
}

# Made here and not by Lambda: a group that Lambda makes keeps everything for ever.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158: a key is a setting; the group is encrypted with CloudWatch's own key without one
  #checkov:skip=CKV_AWS_338: reports are in the store; the log has a line for each run, so that a year is a setting and no default
  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}
