"""Asynchronous invocations: accepted at once, tried again after errors, kept while throttled, then handed on.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.awslambda.models import lambda_backends

from sandbox.errors import AwsError
from sandbox.events import access, outlets, work
from sandbox.runtime import function_calls
from sandbox.runtime.functions import Outcome

log = logging.getLogger(__name__)
WAITS = (60.0, 120.0)  # AWS seconds before the second and the third attempt
LONGEST_AGE = 21600.0  # AWS seconds
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0  # between attempts while the function is throttled


@dataclass
class Event:
    """One event in a function's queue."""

    arn: str  # as it was called: with its qualifier
    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    began: datetime = field(default_factory=work.now)
    attempts: int = 0
    throttled: int = 0

    @property
    def age(self) -> float:
        """AWS seconds since it was accepted."""
        return (work.now() - self.began).total_seconds()


def accept(arn: str, payload: bytes) -> str:
    """Queue an event; returns its request id at once."""
    event = Event(arn, payload)
    work.submit(f"event for {arn}", lambda: _attempt(event))
    return event.request_id


def _attempt(event: Event) -> None:
    try:
        function = function_calls.find(event.arn)
    except AwsError:
        log.warning("an event was dropped: %s is gone", event.arn)
        return
    if function_calls.reserved_of(function) == 0:  # no attempt at all: straight to the dead letters
        _end(event, function, "ZeroReservedConcurrency", None)
        return
    try:
        outcome = function_calls.run(function, event.payload, arn=event.arn, request_id=event.request_id)
    except AwsError as error:
        _throttled(event, function, error)
        return
    event.attempts += 1
    if outcome.error is None:
        _end(event, function, "Success", outcome)
        return
    config = config_of(function, event.arn)
    if event.attempts > int(config.get("MaximumRetryAttempts", len(WAITS))):
        _end(event, function, "RetriesExhausted", outcome)
        return
    wait = WAITS[min(event.attempts, len(WAITS)) - 1]
    if event.age + wait > float(config.get("MaximumEventAgeInSeconds", LONGEST_AGE)):
        _end(event, function, "EventAgeExceeded", outcome)
        return
    work.later(wait, f"retry for {event.arn}", lambda: _attempt(event))


def _throttled(event: Event, function: Any, error: AwsError) -> None:
    """Throttles and errors of Lambda itself do not count as attempts; the event waits, longer each time."""
    wait = min(FIRST_WAIT * 2**event.throttled, LONGEST_WAIT)
    event.throttled += 1
    limit = float(config_of(function, event.arn).get("MaximumEventAgeInSeconds", LONGEST_AGE))
    if error.status not in {429, 500, 502, 503} or event.age + wait > limit:
        _end(event, function, "EventAgeExceeded", None)
        return
    work.later(wait, f"retry for {event.arn}", lambda: _attempt(event))


def config_of(function: Any, arn: str) -> Mapping[str, Any]:
    """Return the settings for asynchronous calls of the function, version or alias that was called."""
    group = lambda_backends[function.account_id][function.region]._lambdas._functions.get(function.function_name)
    parts = arn.split(":")
    found = (group or {}).get("event_invoke", {}).get(parts[7] if len(parts) == 8 else "$LATEST")
    return dict(found.config) if found is not None else {}


def _end(event: Event, function: Any, condition: str, outcome: Outcome | None) -> None:
    good = condition == "Success"
    destinations = config_of(function, event.arn).get("DestinationConfig") or {}
    target = (destinations.get("OnSuccess" if good else "OnFailure") or {}).get("Destination")
    if target:
        _to_destination(event, function, target, record(event, function, condition, outcome), good=good)
    dead = (getattr(function, "extra", {}).get("DeadLetterConfig") or {}).get("TargetArn")
    if dead and not good:
        _try(function, dead, event.payload.decode("utf-8", "replace"), _attributes(event, outcome))


def record(event: Event, function: Any, condition: str, outcome: Outcome | None) -> dict[str, Any]:
    """Return what a destination gets."""
    made: dict[str, Any] = {
        "version": "1.0",
        "timestamp": f"{work.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": event.arn if event.arn.count(":") == 7 else f"{event.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": outlets.parsed(event.payload),
    }
    if outcome is not None:
        made["responseContext"] = {"statusCode": 200, "executedVersion": str(function.version)}
        if outcome.error:
            made["responseContext"]["functionError"] = outcome.error
        made["responsePayload"] = outlets.parsed(outcome.payload)
    return made


def _attributes(event: Event, outcome: Outcome | None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq."""
    said = outlets.parsed(outcome.payload) if outcome else {}
    message = str(said.get("errorMessage", "")) if isinstance(said, dict) else str(said)
    return {
        "RequestID": {"DataType": "String", "StringValue": event.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200" if outcome else "429"},
        "ErrorMessage": {"DataType": "String", "StringValue": (message or "Rate Exceeded.")[:1024]},
    }


def _to_destination(event: Event, function: Any, target: str, made: dict[str, Any], *, good: bool) -> None:
    if ":event-bus/" not in target:
        _try(function, target, json.dumps(made), {})
        return
    kind = f"Lambda Function Invocation Result - {'Success' if good else 'Failure'}"
    resources = [target, made["requestContext"]["functionArn"]]
    try:
        outlets.to_bus(function.role, target, source="lambda", kind=kind, detail=made, resources=resources)
    except AwsError as error:
        log.warning("%s: the result of an event did not reach %s: %s", event.arn, target, error)


def _try(function: Any, target: str, body: str, attributes: Mapping[str, Any]) -> None:
    try:
        access.trust(function.role, "lambda")
        outlets.as_role(function.role, target, body, attributes=attributes)
    except AwsError as error:
        log.warning("what is left of an event of %s did not reach %s: %s", function.function_name, target, error)
