# Asymmetric, so that a signature is proof without the key: whoever holds the public half can check it years later, offline.
# https://docs.aws.amazon.com/kms/latest/developerguide/symmetric-asymmetric.html
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109: a key policy must let its account's IAM manage the key, or nobody could ever change it
  #checkov:skip=CKV_AWS_111: the same; only principals of this account, by their own policies, and tests/access judges them
  #checkov:skip=CKV_AWS_356: in a key policy the star is the key itself

  # Not kms:*, as in other keys' policies: administrators manage this key and cannot sign with it, nor grant it to anybody.
  statement {
    sid = "LetAccountIamManage"
    actions = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:GetPublicKey",
      "kms:ListGrants",
      "kms:ListKeyPolicies",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
      "kms:Verify",
    ]
    resources = ["*"] # in a key policy this is the key itself

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account_id}:root"]
    }
  }

  statement {
    sid       = "AllowSigner"
    actions   = ["kms:Sign"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [var.signer_role_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:SigningAlgorithm"
      values   = ["ECDSA_SHA_256"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:MessageType"
      values   = ["DIGEST"]
    }
  }

  statement {
    sid       = "DenySigningByOthers"
    effect    = "Deny"
    actions   = ["kms:CreateGrant", "kms:Sign"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [var.signer_role_arn]
    }
  }

  dynamic "statement" {
    for_each = length(var.verifier_role_arns) == 0 ? {} : { verifiers = var.verifier_role_arns }

    content {
      sid       = "AllowVerifiers"
      actions   = ["kms:GetPublicKey", "kms:Verify"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = sort(statement.value)
      }

      dynamic "condition" {
        for_each = var.organization_id[*]

        content {
          test     = "StringEquals"
          variable = "aws:PrincipalOrgID"
          values   = [condition.value]
        }
      }
    }
  }
}

resource "aws_kms_key" "this" {
  #checkov:skip=CKV_AWS_7: KMS does not rotate asymmetric keys
  description              = "Signs evidence of what was checked: ${var.alias}"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  deletion_window_in_days  = var.deletion_window_days
  policy                   = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.this.key_id
}
