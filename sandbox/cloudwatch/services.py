"""Metrics of other services: functions as they run, queues each minute.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

import time

from sandbox.cloudwatch.metrics import record
from sandbox.events import queues

LAMBDA, SQS = "AWS/Lambda", "AWS/SQS"


def ran(account_id: str, region: str, function: str, *, failed: bool, milliseconds: float, at_once: int) -> None:
    """Report one run of a function, by its name and for all functions of the account."""
    values = (
        ("Invocations", 1.0, "Count"),
        ("Errors", float(failed), "Count"),
        ("Throttles", 0.0, "Count"),
        ("Duration", milliseconds, "Milliseconds"),
        ("ConcurrentExecutions", float(at_once), "Count"),
    )
    for where in ({"FunctionName": function}, {}):
        for name, value, unit in values:
            record(LAMBDA, name, where, value, unit, account_id=account_id, region=region)


def throttled(account_id: str, region: str, function: str) -> None:
    """Report a run that was refused because of concurrency. It is no invocation."""
    for where in ({"FunctionName": function}, {}):
        record(LAMBDA, "Throttles", where, 1.0, "Count", account_id=account_id, region=region)


def measure_queues() -> None:
    """Report the depth of each queue, and the age of its oldest message in wall seconds."""
    for queue in queues.every():
        visible, flying, delayed = queues.depth(queue)
        sent = min((one.sent_timestamp for one in list(queue._messages)), default=None)
        values = (
            ("ApproximateNumberOfMessagesVisible", float(visible), "Count"),
            ("ApproximateNumberOfMessagesNotVisible", float(flying), "Count"),
            ("ApproximateNumberOfMessagesDelayed", float(delayed), "Count"),
            ("ApproximateAgeOfOldestMessage", time.time() - sent / 1000 if sent else 0.0, "Seconds"),
        )
        for name, value, unit in values:
            where = {"QueueName": queue.name}
            record(SQS, name, where, value, unit, account_id=queue.account_id, region=queue.region)
