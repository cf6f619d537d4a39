"""Hears how jobs ended, and decides: terminal, or another attempt.

`handle` is told by SageMaker's state-change events, through a queue; they may be late, twice, or out of order. `sweep`
looks slowly at what SageMaker lists, for events that never came and claims whose launcher died.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import queue_redrive
import queue_services
import queue_sweep
from queue_outlets import datum, log
from queue_services import Clock, Remaining, Services
from queue_settle import Desk

from glue.core.training import ends, keys, outcomes
from glue.core.training.settings import Settings

MARGIN_MS = 5_000


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Work on a batch of messages, each an EventBridge event. Returns those that failed: only they come again."""
    return run(
        event["Records"],
        queue_services.services(),
        queue_services.settings(),
        clock=queue_services.now,
        remaining=context.get_remaining_time_in_millis,
    )


def sweep(event: Any, context: Any) -> dict[str, Any]:
    """Answer the schedule; or `{"redrive": ["events-dead", "releases-dead"]}` of a person: have dead letters delivered
    again. Nothing of the event is believed."""
    settings = queue_services.settings()
    if isinstance(event, Mapping) and "redrive" in event:
        return queue_redrive.run(event, queue_services.services().redrive, settings)
    return queue_sweep.run(
        queue_services.services(),
        settings,
        clock=queue_services.now,
        sleep=time.sleep,
        remaining=context.get_remaining_time_in_millis,
    )


def run(
    messages: list[dict[str, Any]],
    services: Services,
    settings: Settings,
    *,
    clock: Clock,
    remaining: Remaining,
    draw: outcomes.Draw = random.random,
) -> dict[str, Any]:
    """Work on messages one by one. One that fails does so alone; after its fifth delivery it is a dead letter."""
    desk = Desk(services, settings, clock, draw)
    counts: Counter[str] = Counter()
    failed = []
    for message in messages:
        if remaining() < MARGIN_MS:
            failed.append(message["messageId"])
            continue
        try:
            counts[_hear(message["body"], desk)] += 1
        except Exception as error:  # noqa: BLE001 - whatever one message does, the others are heard
            failed.append(message["messageId"])
            log("ERROR", "not heard", body=message.get("body", "")[:2000], error=f"{type(error).__name__}: {error}")
    if counts["again"]:
        services.outlets.metrics([datum(settings.queue, "Resubmitted", counts["again"])])
    log("INFO", "heard", failed=len(failed), **counts)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _hear(body: str, desk: Desk) -> str:
    """Return what an event was: `ended`, `again`, or `ignored`. Raises ValueError for what is no event."""
    event = json.loads(body)
    if not isinstance(event, dict):
        raise TypeError("the message is no event")
    end = ends.of_event(event)
    named = keys.attempt_of(end.name) if end is not None else None
    if end is None or named is None:
        return "ignored"  # not the end of a job, or not the name of one of a queue's
    record = desk.services.store.get(named[0])
    if record is None or not outcomes.concerns(record, end):
        return "ignored"  # a stranger's, or one of an attempt that is over
    settled = desk.settle(record, end)
    if not settled.changed:
        return "ignored"
    return "again" if settled.again else "ended"
