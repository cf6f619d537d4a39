# Made here and not by Lambda: a group that Lambda makes keeps everything for ever.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158: a key is a setting; the group is encrypted with CloudWatch's own key without one
  #checkov:skip=CKV_AWS_338: answers are not kept here, only failures, so that a year is a setting and no default
  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}
