resource "aws_iam_openid_connect_provider" "this" {
  for_each = local.env.identity_providers

  url             = each.value.issuer
  client_id_list  = [each.value.audience]
  thumbprint_list = each.value.thumbprints
}
