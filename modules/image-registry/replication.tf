# One for each account and region: this module is used once in each.
resource "aws_ecr_replication_configuration" "this" {
  count = length(var.replicates_to) == 0 ? 0 : 1

  replication_configuration {
    rule {
      dynamic "destination" {
        for_each = var.replicates_to

        content {
          registry_id = destination.value.account_id
          region      = destination.value.region
        }
      }

      repository_filter {
        filter      = "${var.prefix}/"
        filter_type = "PREFIX_MATCH"
      }
    }
  }

  depends_on = [aws_ecr_repository.this]
}

data "aws_iam_policy_document" "registry" {
  # ecr:CreateRepository is not granted: the repositories exist, with their settings, before anything arrives.
  dynamic "statement" {
    for_each = var.replicates_from

    content {
      sid       = "AllowReplicationFrom${replace(title(statement.key), "/[^A-Za-z0-9]/", "")}"
      actions   = ["ecr:ReplicateImage"]
      resources = ["arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.prefix}/*"]

      principals {
        type        = "AWS"
        identifiers = ["arn:aws:iam::${statement.value.account_id}:root"]
      }
    }
  }
}

resource "aws_ecr_registry_policy" "this" {
  count = length(var.replicates_from) == 0 ? 0 : 1

  policy = data.aws_iam_policy_document.registry.json
}
