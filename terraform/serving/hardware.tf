locals {
  # As in modules/model-endpoint, which refuses it of a frozen revision; a test compares the two.
  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html (KmsKeyId)
  local_disk_families = "^ml\\.([a-z]+[0-9]+[a-z]*d[a-z]*|dl1|g5|g6|g6e|gr6|p5|p5e|p5en|trn1|trn1n|trn2)\\."
}
