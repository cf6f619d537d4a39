# Some records count because of who wrote them. Whatever IAM allows others, they cannot write there.
data "aws_iam_policy_document" "writers" {
  dynamic "statement" {
    for_each = var.exclusive_writers

    content {
      sid       = "DenyWriting${replace(title(replace(statement.key, "/[^a-z0-9]/", " ")), " ", "")}ByOthers"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${local.arn}/${statement.key}*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "ArnNotEquals"
        variable = "aws:PrincipalArn"
        values   = [statement.value]
      }
    }
  }
}
