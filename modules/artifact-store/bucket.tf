module "bucket" {
  source = "../encrypted-bucket"

  name       = var.name
  account_id = var.account_id
  access_log = var.access_log

  key = {
    alias            = coalesce(var.key_alias, var.name)
    policy_documents = [data.aws_iam_policy_document.readers_key.json]
  }

  policy_documents = [
    data.aws_iam_policy_document.immutability.json,
    data.aws_iam_policy_document.readers.json,
    data.aws_iam_policy_document.writers.json,
  ]

  # Below releases/ nothing is ever current and expired: only what was pruned, or replaced elsewhere, is noncurrent.
  lifecycle_rules = merge(
    {
      everything = {
        noncurrent_days      = var.retention.noncurrent_days
        aborted_upload_days  = var.retention.aborted_upload_days
        clean_delete_markers = true
      }
    },
    { for name, rule in local.expiring : name => rule if rule.expiration_days != null },
  )
}
