locals {
  arn = "arn:aws:s3:::${var.name}" # from the name, so that policies are known when a plan is reviewed
}
