# The ranker in dev: where new releases are tried first. Traffic moves at once, and nothing scales.
endpoint = "ranker"

# What the next revision freezes. Weights are whole numbers.
serving = {
  variants = {
    main = {
      model          = "ranker"
      instance_type  = "ml.t2.medium" # the smallest that serves; burstable is good enough without traffic
      instance_count = 1
      weight         = 1
    }
  }
  data_capture   = null
  network        = null
  volume_key_arn = null
}

# All traffic at once; the old instances stay for two minutes, so that an alarm can still bring them back.
deployment = "instant"

# A first model may be slow and still be worth a look: only errors roll a deployment back here.
alarms = {
  errors_5xx           = { threshold_percent = 10 }
  model_latency_p99    = { enabled = false }
  overhead_latency_p99 = { enabled = false }
}

autoscaling = {}
invoker     = null # developers invoke the endpoint itself
callers     = {}
dashboard   = false
