# The bucket's name is AWS's, so the policy is written when the plan is already approved.
variable "step" {
  type    = number
  default = 1
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_s3_bucket" "data" {
  count         = var.step
  bucket_prefix = "shop-data-"
}

resource "aws_iam_role" "job" {
  name_prefix = "job-"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "sagemaker.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "job" {
  role = aws_iam_role.job.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = [for bucket in aws_s3_bucket.data : "${bucket.arn}/*"] }]
  })
}
