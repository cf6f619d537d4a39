# A bucket that was made by hand is taken over, and gets a tag.
provider "aws" {
  region            = "eu-west-1"
  s3_use_path_style = true
}

import {
  to = aws_s3_bucket.byhand
  id = "made-by-hand-333333333333"
}

resource "aws_s3_bucket" "byhand" {
  bucket = "made-by-hand-333333333333"
  tags   = { owner = "ml-platform" }
}
