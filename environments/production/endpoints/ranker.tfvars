# The ranker in production, called by the search application from its own account.
endpoint = "ranker"

# What the next revision freezes. Weights are whole numbers. The count is the first revision's only: later revisions take
# the count that the endpoint has by then, so that a deployment never scales in.
serving = {
  variants = {
    main = {
      model          = "ranker"
      instance_type  = "ml.m5.large"
      instance_count = 1
      weight         = 1
    }
  }
  # a tenth of the requests and answers, for the next training set
  data_capture   = { sampling_percentage = 10 }
  network        = null
  volume_key_arn = null
}

# A tenth of the capacity bakes for five minutes, then the rest follows; the old instances stay for five more, and any
# alarm meanwhile brings them back.
deployment = "standard"

# The search page shows its own order when the ranking takes longer than half a second in all.
alarms = {
  errors_5xx           = { threshold_percent = 1 }
  errors_4xx           = { threshold_percent = 10 }
  model_latency_p99    = { threshold_ms = 300, periods = 2 }
  overhead_latency_p99 = { threshold_ms = 200, periods = 2 }
}

# One to three instances, 20 invocations per instance and minute, cooldowns of 30 seconds.
autoscaling = {
  main = {
    min                      = 1
    max                      = 3
    invocations_per_instance = 20
    scale_in_cooldown_s      = 30
    scale_out_cooldown_s     = 30
  }
}

# For callers inside this account. Provisioned concurrency costs money every hour: set it when cold starts hurt.
invoker = {
  provisioned_concurrency = null
  function_url            = false
  timeout_s               = 30
}

# From other accounts: one role for each caller, which may invoke this endpoint and nothing else.
callers = {
  search = { principal_arns = ["arn:aws:iam::444444444444:role/search-application"] }
}

dashboard = true

# Every hour the last day's requests are compared with what the live release was made with, and people hear of drift. A
# tenth is captured, so 500 rows of 20 to a request take 250 requests.
monitor = {}
