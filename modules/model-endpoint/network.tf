# Advice, no refusal: a plan shows it as a warning.
check "subnets" {
  # https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html: instances are spread over the zones of their subnets
  assert {
    condition     = length(try(local.live.network.subnet_ids, [])) != 1
    error_message = "endpoint ${var.name}: revision ${var.live} has one subnet, so that one availability zone takes the endpoint along. Name two subnets or more, in different zones."
  }
}
