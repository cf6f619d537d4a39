# It decides about registered releases, and does nothing else: whoever promotes needs somebody else's word.
locals {
  approve = merge(local.read_parameter, local.record, {
    ReadRegistry = {
      actions    = ["sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages"]
      resources  = local.registered
      conditions = []
    }
    DecideAboutReleases = {
      actions   = ["sagemaker:UpdateModelPackage"]
      resources = local.registered
      conditions = [
        { test = "StringEquals", variable = "sagemaker:ModelApprovalStatus", values = ["Approved", "Rejected"] },
      ]
    }
  })
}
