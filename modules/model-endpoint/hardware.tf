# What an instance type has, for metrics that count per cent of one processor or GPU.
# https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html (CPUUtilization, GPUUtilization)
locals {
  # EC2 sizes double: a large has 2 processors, an xlarge 4, an 8xlarge 32. What differs is named.
  processors = {
    for variant, type in local.live_types : variant => try(
      { "ml.c4.8xlarge" = 36, "ml.t2.medium" = 2, "ml.t3.medium" = 2 }[type],
      { medium = 1, large = 2, xlarge = 4 }[element(split(".", type), 2)],
      4 * tonumber(trimsuffix(element(split(".", type), 2), "xlarge")),
      1,
    )
  }
  gpus = {
    for variant, type in local.live_types : variant => try(
      {
        "ml.p2.xlarge"     = 1, "ml.p2.8xlarge" = 8, "ml.p2.16xlarge" = 16, "ml.p3.2xlarge" = 1, "ml.p3.8xlarge" = 4, "ml.p5.4xlarge" = 1,
        "ml.g4dn.12xlarge" = 4, "ml.g5.12xlarge" = 4, "ml.g5.24xlarge" = 4, "ml.g6.12xlarge" = 4, "ml.g6.24xlarge" = 4, "ml.g6e.12xlarge" = 4, "ml.g6e.24xlarge" = 4,
      }[type],
      can(regex("^ml\\.(p[0-9]|g[0-9].*\\.48xlarge$)", type)) ? 8 : can(regex("^ml\\.gr?[0-9]", type)) ? 1 : 0,
    )
  }
  live_types = { for variant, settings in local.live.variants : variant => coalesce(settings.instance_type, "serverless") }
}
