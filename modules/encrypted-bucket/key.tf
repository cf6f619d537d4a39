data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109: a key policy must let its account's IAM decide, or nobody could ever change the key
  #checkov:skip=CKV_AWS_111: the same; only principals of this account, by their own policies, and tests/access judges them
  #checkov:skip=CKV_AWS_356: in a key policy the star is the key itself
  source_policy_documents = var.key.policy_documents

  statement {
    sid       = "LetAccountIamDecide"
    actions   = ["kms:*"]
    resources = ["*"] # in a key policy this is the key itself

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "this" {
  description             = "Encrypts what lies in the bucket ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.key.deletion_window_days
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${coalesce(var.key.alias, var.name)}"
  target_key_id = aws_kms_key.this.key_id
}
