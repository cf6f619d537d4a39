locals {
  tags = { endpoints = join(" ", sort([for arn in var.endpoint_arns : element(split("/", arn), 1)])) }
}
