# An own key: whoever may read the table must also be let near its key, which the default, owned by AWS, asks of nobody.
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
}

resource "aws_kms_key" "table" {
  description         = "Encrypts the jobs of the training queue ${local.name}"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "table" {
  name          = local.key_aliases.table
  target_key_id = aws_kms_key.table.key_id
}

# One item is one job, and one more is the launcher's own state. Indexes are sparse: only what is due, or runs, is in them.
resource "aws_dynamodb_table" "this" {
  name                        = local.name
  billing_mode                = "PAY_PER_REQUEST" # thousands of jobs in an hour, and then none
  hash_key                    = "JobId"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES" # an item that its time to live removes is exported from the old image

  dynamic "attribute" {
    for_each = { JobId = "S", due_key = "S", due_shard = "S", launched_at = "N", open_shard = "S", submitted_at = "N", week = "S" }

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  global_secondary_index {
    name               = "due"
    hash_key           = "due_shard"
    range_key          = "due_key" # first by priority, then by age
    projection_type    = "INCLUDE"
    non_key_attributes = ["attempt", "due_at", "fallbacks", "instance_count", "instance_type", "kind", "model", "owner", "priority", "purchase", "submitted_at", "waits_for"]
  }

  global_secondary_index {
    name               = "open"
    hash_key           = "open_shard"
    range_key          = "launched_at"
    projection_type    = "INCLUDE"
    non_key_attributes = ["attempt", "instance_count", "instance_type", "kind", "owner", "purchase", "remote_name", "stop_requested_at"]
  }

  global_secondary_index {
    name            = "history"
    hash_key        = "week"
    range_key       = "submitted_at"
    projection_type = "ALL"
  }

  ttl {
    enabled        = true
    attribute_name = "expires_at"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.table.arn
  }

  # Who makes the table may use the key by its alias.
  depends_on = [aws_kms_alias.table]

  lifecycle {
    precondition {
      condition     = length(local.name) <= 50
      error_message = "The training queue's name ${local.name} has ${length(local.name)} characters; the names of its functions and roles leave it 50. Shorten project or environment."
    }
  }
}
