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

# A release names its image by digest, and the image carries its commit as a tag. So no rule selects tagged images unless
# somebody asks for a bound, and ECR itself spares what an image index refers to:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
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
        for count in each.value.kept_images == null ? [] : [each.value.kept_images] : {
          rulePriority = 2
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
