# Who is told of ended jobs. A message's attributes are owner, model and status, so that each hears of their own.
module "topic" {
  source = "../notification-topic"

  name       = local.name
  account_id = var.account_id
  region     = var.region

  subscribers = {
    for name, subscriber in var.subscribers : name => {
      protocol = subscriber.protocol
      endpoint = subscriber.endpoint
      filter = {
        for attribute, values in { model = subscriber.models, owner = subscriber.owners, status = subscriber.states } :
        attribute => values if length(values) > 0
      }
    }
  }
}
