# Once for each account, before any foundation: other environments' policies name the promote role that is made here, and
# AWS refuses policies that name a principal that does not exist.
locals {
  env    = var.environment
  prefix = "${local.env.project}-${local.env.name}"

  # Roles for named people exist when somebody is named.
  access = setunion(
    ["plan", "deploy-foundation", "deploy-serving", "promote", "prune"],
    length(local.env.approvers) > 0 ? ["approve"] : [],
    length(local.env.break_glass) > 0 ? ["break-glass"] : [],
    local.has_queue ? ["train"] : [],
  )
  people = merge(
    { approve = local.env.approvers, break-glass = local.env.break_glass },
    { for queue in local.env.training_queue[*] : "train" => queue.submitters if length(queue.submitters) > 0 },
  )

  has_queue = local.env.training_queue != null
}
