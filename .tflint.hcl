# For those who have tflint: `tflint --recursive`. `make check` needs no tflint: it validates with Terraform itself.
tflint {
  required_version = ">= 0.50"
}

config {
  call_module_type = "local" # modules/ is read with the roots that call it
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Roots get their variables from environments/, which is the same declaration in each; not every root reads all of it.
rule "terraform_unused_declarations" {
  enabled = true
}

# A file is a noun here (endpoint.tf, autoscaling.tf), so there is no main.tf, outputs.tf, variables.tf in every folder.
rule "terraform_standard_module_structure" {
  enabled = false
}

# Roots pin providers with ~>, modules give floors; Terraform's own version stands in versions.tf of each.
rule "terraform_required_version" {
  enabled = true
}
