locals {
  arn = "arn:aws:sns:${var.region}:${var.account_id}:${var.name}" # from names, so that policies are known at plan time
}
