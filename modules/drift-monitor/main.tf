locals {
  # arn:<partition>:sagemaker:<region>:<account>:endpoint/<name>
  arn           = split(":", var.endpoint_arn)
  endpoint_name = trimprefix(local.arn[5], "endpoint/")
  sagemaker     = join(":", slice(local.arn, 0, 5))
  bucket_arn    = "arn:${local.arn[1]}:s3:::${var.artifact_store.bucket}"

  # Built from names, so that policies are known, and can be reviewed, in the plan that creates everything.
  log_group_name = "/aws/lambda/${var.name}"
  rule_arn       = "arn:${local.arn[1]}:events:${local.arn[3]}:${local.arn[4]}:rule/${var.name}"
  log_group_arn  = "arn:${local.arn[1]}:logs:${local.arn[3]}:${local.arn[4]}:log-group:${local.log_group_name}"
}
