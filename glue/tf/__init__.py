"""tfvars files, plan JSON, and running Terraform."""
