module "image_registry" {
  source = "../../modules/image-registry"

  account_id   = local.env.account_id
  region       = local.env.region
  prefix       = local.env.project
  repositories = { for model in keys(local.env.models) : model => {} }

  replicates_to   = local.env.replicates_images_to
  replicates_from = local.env.replicates_images_from
}
