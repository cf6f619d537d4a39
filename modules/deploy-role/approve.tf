# It decides about registered releases and about plans, and does nothing else: whoever promotes needs somebody else's word.
locals {
  approve = merge(local.read_parameter, local.record, local.list_plans, {
    ReadRegistry = {
      actions    = ["sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages"]
      resources  = local.registered
      conditions = []
    }
    ReadPlans = {
      actions    = ["s3:GetObject"]
      resources  = ["${local.artifacts}/plans/*"]
      conditions = []
    }
    DecideAboutPlans = {
      actions    = ["s3:PutObject"]
      resources  = ["${local.artifacts}/plans/approvals/*"]
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
