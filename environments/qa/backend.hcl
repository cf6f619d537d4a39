# Where this environment's Terraform states lie. The key comes with each root: bootstrap.tfstate, foundation.tfstate,
# serving/<endpoint>.tfstate.
bucket              = "slipway-qa-tfstate-222222222222"
region              = "eu-west-1"
use_lockfile        = true
encrypt             = true
kms_key_id          = "arn:aws:kms:eu-west-1:222222222222:alias/slipway-qa-tfstate"
allowed_account_ids = ["222222222222"]
