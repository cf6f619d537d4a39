"""The command `slipway`: what Terraform cannot declare."""
