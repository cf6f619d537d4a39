# https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
data "aws_iam_policy_document" "network" {
  dynamic "statement" {
    for_each = local.network

    content {
      sid     = "AttachInterfaces"
      actions = ["ec2:CreateNetworkInterface"]
      resources = concat(
        ["arn:aws:ec2:${local.here}:network-interface/*"],
        [for id in sort(statement.value.subnet_ids) : "arn:aws:ec2:${local.here}:subnet/${id}"],
        [for id in sort(statement.value.security_group_ids) : "arn:aws:ec2:${local.here}:security-group/${id}"],
      )
    }
  }

  dynamic "statement" {
    for_each = local.network

    content {
      sid = "ManageInterfacesOfSubnets"
      actions = [
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
      ]
      resources = ["arn:aws:ec2:${local.here}:network-interface/*"]

      condition {
        test     = "ArnEquals"
        variable = "ec2:Subnet"
        values   = [for id in sort(statement.value.subnet_ids) : "arn:aws:ec2:${local.here}:subnet/${id}"]
      }
    }
  }

  dynamic "statement" {
    for_each = local.network

    content {
      sid = "DescribeNetwork"
      actions = [
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      resources = ["*"] # these actions know no resource
    }
  }
}
