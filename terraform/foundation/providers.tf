provider "aws" {
  region              = var.environment.region
  allowed_account_ids = [var.environment.account_id]

  default_tags {
    tags = {
      owner       = var.environment.owner
      environment = var.environment.name
      repository  = var.environment.repository
      root        = "terraform/foundation"
    }
  }
}
