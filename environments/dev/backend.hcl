# Where this environment's Terraform states lie. The key comes with each root: bootstrap.tfstate, foundation.tfstate,
# serving/<endpoint>.tfstate.
bucket              = "slipway-dev-tfstate-111111111111"
region              = "eu-west-1"
use_lockfile        = true
encrypt             = true
kms_key_id          = "arn:aws:kms:eu-west-1:111111111111:alias/slipway-dev-tfstate"
allowed_account_ids = ["111111111111"]
