# Where this environment's Terraform states lie. The key comes with each root: bootstrap.tfstate, foundation.tfstate,
# serving/<endpoint>.tfstate.
bucket              = "slipway-production-tfstate-333333333333"
region              = "eu-west-1"
use_lockfile        = true
encrypt             = true
kms_key_id          = "arn:aws:kms:eu-west-1:333333333333:alias/slipway-production-tfstate"
allowed_account_ids = ["333333333333"]
