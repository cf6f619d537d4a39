"""The review of a Terraform plan: what it does, in a model owner's words, and how dangerous that is. Pure."""
