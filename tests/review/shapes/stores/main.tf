# What holds data besides buckets, and what protects it.
variable "kept" {
  type    = bool
  default = true
}

variable "protected" {
  type    = bool
  default = true
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_dynamodb_table" "features" {
  count                       = var.kept ? 1 : 0
  name                        = "features"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = var.protected

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = var.protected
  }

  server_side_encryption {
    enabled = var.protected
  }
}

resource "aws_db_instance" "labels" {
  count                   = var.kept ? 1 : 0
  identifier              = "labels"
  engine                  = "postgres"
  instance_class          = "db.t4g.micro"
  allocated_storage       = 20
  username                = "labels"
  password                = "correct-horse-battery-staple"
  deletion_protection     = var.protected
  storage_encrypted       = true
  skip_final_snapshot     = !var.protected
  backup_retention_period = var.protected ? 14 : 0
}

resource "aws_cloudwatch_log_group" "scores" {
  name              = "scores"
  retention_in_days = var.protected ? 400 : 1
}

resource "aws_ecr_repository" "models" {
  count        = var.kept ? 1 : 0
  name         = "models"
  force_delete = !var.protected
}

resource "aws_sagemaker_model_package_group" "models" {
  count                    = var.kept ? 1 : 0
  model_package_group_name = "models"
}

resource "aws_sqs_queue" "work" {
  name                      = "work"
  sqs_managed_sse_enabled   = var.protected
  message_retention_seconds = var.protected ? 1209600 : 60
}
