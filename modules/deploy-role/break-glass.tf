# Who assumes it may pass the gates, and says why: its record is what the glue asks for. It deploys nothing itself.
locals {
  break_glass = merge(local.read_parameter, local.record, {
    RecordEmergencies = {
      actions    = ["s3:GetObject", "s3:PutObject"]
      resources  = ["${local.artifacts}/break-glass/*"]
      conditions = []
    }
    TellPeople  = local.tell_people
    UseTopicKey = local.use_topic_key
  })
}
