"""Events as AWS moves them: buses, rules, schedules, queues, topics, streams, and the functions behind them.

`bus.emit` and `sagemaker.changed` are what the rest of the sandbox calls; all else is installed by `sandbox/ext/`.
"""
