# Really applied on a server that answers as AWS does, then changed by hand.
provider "aws" {
  region            = "eu-west-1"
  s3_use_path_style = true
}

resource "aws_s3_bucket" "this" {
  bucket = "drifting-333333333333"
  tags   = { owner = "ml-platform" }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_iam_role" "this" {
  name = "drifting"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "drifting"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::drifting-333333333333/*" }]
  })
}

resource "aws_sns_topic" "this" {
  name = "drifting"
}
