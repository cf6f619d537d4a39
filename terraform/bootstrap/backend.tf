# Everything else comes from environments/<environment>/backend.hcl; the key is bootstrap.tfstate.
terraform {
  backend "s3" {}
}
