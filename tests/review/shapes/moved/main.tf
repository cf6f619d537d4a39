# After the refactoring of ../moving.
provider "aws" {
  region = "eu-west-1"
}

module "new" {
  source = "./new"
  named  = "scores"
}

moved {
  from = aws_cloudwatch_log_group.scores
  to   = module.new.aws_cloudwatch_log_group.this
}

moved {
  from = aws_sagemaker_endpoint.scores
  to   = module.new.aws_sagemaker_endpoint.this
}
