module "notification_topic" {
  source = "../../modules/notification-topic"

  name        = "${local.prefix}-notifications"
  account_id  = local.env.account_id
  region      = local.env.region
  subscribers = local.env.subscribers
}
