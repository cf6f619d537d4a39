locals {
  repository_arns = {
    for name in keys(var.repositories) :
    name => "arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.prefix}/${name}"
  }
}
