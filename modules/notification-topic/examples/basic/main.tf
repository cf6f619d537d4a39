module "notification_topic" {
  source = "../.."

  name       = "slipway-stage-notifications"
  account_id = "222222222222"
  region     = "eu-west-1"

  subscribers = { oncall = { protocol = "email", endpoint = "oncall@example.com" } }
}
