# The ranker in qa: the rehearsal of production, with shorter waits. What passes here may go on.
endpoint = "ranker"

# What the next revision freezes. Weights are whole numbers.
serving = {
  variants = {
    main = {
      model          = "ranker"
      instance_type  = "ml.m5.large" # as in production: another type would prove little about latency
      instance_count = 1
      weight         = 1
    }
  }
  data_capture   = null
  network        = null
  volume_key_arn = null
}

# As in production, but half of the capacity and two minutes are enough for a rehearsal.
deployment = "quick"

alarms = {
  errors_5xx           = { threshold_percent = 1 }
  model_latency_p99    = { threshold_ms = 300, periods = 1 }
  overhead_latency_p99 = { threshold_ms = 200, periods = 1 }
}

autoscaling = {
  main = {
    min                      = 1
    max                      = 3
    invocations_per_instance = 20
    scale_in_cooldown_s      = 30
    scale_out_cooldown_s     = 30
  }
}

invoker = {
  provisioned_concurrency = null
  function_url            = false
  timeout_s               = 30
}

callers   = {}
dashboard = true
