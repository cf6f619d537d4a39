# Everything else comes from environments/<environment>/backend.hcl; the key is serving/<endpoint>.tfstate.
terraform {
  backend "s3" {}
}
