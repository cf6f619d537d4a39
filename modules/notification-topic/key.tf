# An own key: a service such as CloudWatch cannot publish to a topic under the AWS managed key, whose policy nobody can change.
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109: a key policy must let its account's IAM decide, or nobody could ever change the key
  #checkov:skip=CKV_AWS_111: the same; only principals of this account, by their own policies, and tests/access judges them
  #checkov:skip=CKV_AWS_356: in a key policy the star is the key itself
  statement {
    sid       = "LetAccountIamDecide"
    actions   = ["kms:*"]
    resources = ["*"] # in a key policy this is the key itself

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account_id}:root"]
    }
  }

  statement {
    sid       = "AllowServicesToEncrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = sort(var.publisher_services)
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_kms_key" "this" {
  description         = "Encrypts messages of the topic ${var.name}"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
