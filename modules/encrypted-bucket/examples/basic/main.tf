module "bucket" {
  source = "../.."

  name       = "example-records-111111111111"
  account_id = "111111111111"

  lifecycle_rules = {
    everything = { noncurrent_days = 90, aborted_upload_days = 7, clean_delete_markers = true }
    scratch    = { prefix = "scratch/", expiration_days = 30 }
  }
}
