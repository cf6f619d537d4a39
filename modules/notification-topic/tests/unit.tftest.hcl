# The real provider, offline: it computes policy documents itself, and a plan that creates asks AWS nothing.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

variables {
  name       = "slipway-stage-notifications"
  account_id = "222222222222"
  region     = "eu-west-1"
}

run "lets_alarms_of_this_account_publish" {
  command = plan

  assert {
    condition = one([
      for s in jsondecode(aws_sns_topic.this.policy).Statement : s if s.Effect == "Allow"
      ]) == {
      Sid       = "AllowServicesToPublish"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = "arn:aws:sns:eu-west-1:222222222222:slipway-stage-notifications"
      Condition = { StringEquals = { "aws:SourceAccount" = "222222222222" } }
    }
    error_message = "CloudWatch may publish for this account, and nobody else"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_kms_key.this.policy).Statement : [s.Principal.Service, join(" ", sort(s.Action)), s.Condition] if s.Sid == "AllowServicesToEncrypt"
    ]) == ["cloudwatch.amazonaws.com", "kms:Decrypt kms:GenerateDataKey*", { StringEquals = { "aws:SourceAccount" = "222222222222" } }]
    error_message = "CloudWatch must be able to encrypt for this account"
  }
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == "alias/slipway-stage-notifications" && aws_kms_key.this.enable_key_rotation
    error_message = "the topic must be under its own key, which rotates"
  }
  assert {
    condition     = length(aws_sns_topic_subscription.this) == 0
    error_message = "nobody asked to be told"
  }
}

run "tells_subscribers_and_takes_publishers" {
  command = plan

  variables {
    publisher_services = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    subscribers = {
      oncall = { protocol = "email", endpoint = "oncall@example.com" }
      search = { protocol = "email", endpoint = "search@example.com", filter = { owner = ["search-team"], status = ["Stopped", "Failed"] } }
    }
  }

  assert {
    condition     = aws_sns_topic_subscription.this["oncall"].endpoint == "oncall@example.com"
    error_message = "the subscriber must be told"
  }
  assert {
    condition     = aws_sns_topic_subscription.this["search"].filter_policy == jsonencode({ owner = ["search-team"], status = ["Failed", "Stopped"] }) && aws_sns_topic_subscription.this["oncall"].filter_policy == null
    error_message = "one hears of its own failures only, the other of everything"
  }
  assert {
    condition = one([
      for s in jsondecode(aws_sns_topic.this.policy).Statement : join(" ", sort(s.Principal.Service)) if s.Effect == "Allow"
    ]) == "cloudwatch.amazonaws.com events.amazonaws.com"
    error_message = "both services must be able to publish"
  }
}

run "example_basic" {
  command = plan

  module {
    source = "./examples/basic"
  }
}
