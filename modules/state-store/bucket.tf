data "aws_iam_policy_document" "history" {
  statement {
    sid       = "DenyDeletingVersions"
    effect    = "Deny"
    actions   = ["s3:DeleteObjectVersion"]
    resources = ["arn:aws:s3:::${var.name}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

module "bucket" {
  source = "../encrypted-bucket"

  name       = var.name
  account_id = var.account_id

  key              = { alias = var.key_alias }
  policy_documents = [data.aws_iam_policy_document.history.json]

  # Without a rule an account is ready a minute sooner: the provider waits 55 s for every life-cycle to settle.
  lifecycle_rules = { for name, days in { everything = var.noncurrent_days } : name => {
    noncurrent_days      = days
    aborted_upload_days  = 7
    clean_delete_markers = true
  } if days != null }
}
