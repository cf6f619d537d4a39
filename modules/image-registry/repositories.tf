# No repository policy: what of this account may pull is said by its role, and nothing of another account may pull at all.
resource "aws_ecr_repository" "this" {
  for_each = var.repositories

  name                 = "${var.prefix}/${each.key}"
  image_tag_mutability = "IMMUTABLE"

  encryption_configuration {
    encryption_type = var.key_arn == null ? "AES256" : "KMS"
    kms_key         = var.key_arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

# A revision names its image by digest, which no rule can know. So every image that was ever released or promoted carries a
# tag of its own digest (sha256-<12 hex digits>, names.pin_tag of the glue), and no rule expires such an image: an image that
# matches a rule's tags cannot be expired by a rule of lower priority, and the rule that matches pins allows more of them than
# a repository holds. Pinned images go by `slipway prune`, which knows the revisions. ECR itself spares what an index refers to.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html (20,000 images in a repository)
resource "aws_ecr_lifecycle_policy" "this" {
  for_each = var.repositories

  repository = aws_ecr_repository.this[each.key].name

  policy = jsonencode({
    rules = concat(
      [
        {
          rulePriority = 1
          description  = "Expire images without any tag after ${each.value.untagged_days} days"
          selection = {
            tagStatus   = "untagged"
            countType   = "sinceImagePushed"
            countUnit   = "days"
            countNumber = each.value.untagged_days
          }
          action = { type = "expire" }
        },
      ],
      [
        for pinned in each.value.kept_images == null ? [] : ["sha256-*"] : {
          rulePriority = 2
          description  = "Spare images that a revision may name"
          selection = {
            tagStatus      = "tagged"
            tagPatternList = [pinned]
            countType      = "imageCountMoreThan"
            countNumber    = 100000
          }
          action = { type = "expire" }
        }
      ],
      [
        for count in each.value.kept_images == null ? [] : [each.value.kept_images] : {
          rulePriority = 3
          description  = "Keep the newest ${count} images"
          selection = {
            tagStatus   = "any"
            countType   = "imageCountMoreThan"
            countNumber = count
          }
          action = { type = "expire" }
        }
      ],
    )
  })
}
