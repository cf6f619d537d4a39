# Everything else comes from environments/<environment>/backend.hcl; the key is foundation.tfstate.
terraform {
  backend "s3" {}
}
