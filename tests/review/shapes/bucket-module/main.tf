# Two calls of a bucket module in the shape of the much-used one: `this` with count everywhere, policies joined.
variable "versioning" {
  type    = string
  default = "Enabled"
}

variable "blocked" {
  type    = bool
  default = true
}

variable "public_read" {
  type    = bool
  default = false
}

variable "buckets" {
  type    = set(string)
  default = ["models", "captures"]
}

variable "force_destroy" {
  type    = bool
  default = false
}

provider "aws" {
  region = "eu-west-1"
}

module "bucket" {
  source   = "./bucket"
  for_each = var.buckets

  name          = "shop-${each.key}-333333333333"
  versioning    = var.versioning
  blocked       = var.blocked
  public_read   = var.public_read
  force_destroy = var.force_destroy
}
