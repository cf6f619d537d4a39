resource "aws_iam_openid_connect_provider" "this" {
  for_each = { for name, provider in local.env.identity_providers : name => provider if provider.create }

  url             = each.value.issuer
  client_id_list  = [each.value.audience]
  thumbprint_list = each.value.thumbprints
}
