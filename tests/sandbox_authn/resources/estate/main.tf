# What a small pipeline applies, and the role that the module's own example declares.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  backend "s3" {
    bucket       = "authn-states"
    key          = "estate.tfstate"
    region       = "eu-west-1"
    use_lockfile = true
  }
}

provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["222222222222"]
}

module "pipelines" {
  source = "../modules/deploy-role/examples/pipelines"
}

resource "aws_s3_bucket" "this" {
  bucket = "authn-estate"
}

resource "aws_s3_object" "this" {
  bucket  = aws_s3_bucket.this.bucket
  key     = "a folder/größe+1.txt"
  content = "hello"
}

resource "aws_ssm_parameter" "this" {
  name  = "/authn/estate"
  type  = "String"
  value = aws_s3_object.this.etag
}
