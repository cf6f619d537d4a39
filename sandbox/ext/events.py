"""EventBridge: events that are put, patterns that are checked as AWS checks them, targets that really get them.

moto matches half of the operators, delivers inside the caller's request, and never to functions.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

from moto.events.exceptions import InvalidEventPatternException
from moto.events.models import EventPatternParser, Rule, events_backends
from werkzeug.wrappers import Response

from sandbox import board
from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.events import boards, bus, expressions, patterns, schedules, work
from sandbox.runtime import context
from sandbox.settings import Settings

MOST_ENTRIES = 10
LARGEST = 262_144  # bytes of one request: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
MOST_TARGETS = 5


def install(settings: Settings) -> None:
    """Take over events and patterns; show them on the board."""
    context.ensure(settings)
    bus.forget()
    EventPatternParser.parse = _parse
    Rule.send_to_targets = _send_to_targets
    on_service("events", _answer)
    schedules.begin()
    for name, provider in boards.PROVIDERS.items():
        board.register(name, provider)


def shutdown() -> None:
    """Deliver nothing more."""
    schedules.end()
    work.stop()


def _answer(call: Call) -> Response | None:
    if call.operation not in {"PutEvents", "TestEventPattern", "PutRule", "PutTargets"}:
        return None
    request = json.loads(call.body() or b"{}")
    if call.operation == "PutEvents":
        return _json(_put_events(call, request))
    if call.operation == "TestEventPattern":
        return _json(_test_pattern(request))
    if call.operation == "PutRule" and request.get("ScheduleExpression"):
        _check_schedule(request["ScheduleExpression"])
    if call.operation == "PutTargets" and len(request.get("Targets") or []) > MOST_TARGETS:
        raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    return None


def _put_events(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    entries = request.get("Entries") or []
    if not 1 <= len(entries) <= MOST_ENTRIES:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length "
            f"less than or equal to {MOST_ENTRIES}",
        )
    if sum(_size(entry) for entry in entries) > LARGEST:
        raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
    answers = [_put_event(call, entry) for entry in entries]
    return {"FailedEntryCount": sum("ErrorCode" in one for one in answers), "Entries": answers}


def _put_event(call: Call, entry: dict[str, Any]) -> dict[str, str]:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    if str(entry["Source"]).startswith("aws."):
        message = "Not authorized for the source."
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": message}
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    name = str(entry.get("EventBusName") or "default")
    owner, region = call.account_id, call.region
    if name.startswith("arn:"):
        _, _, _, region, owner, name = name.split(":", 5)
    name = name.rpartition("/")[2]
    event = bus.envelope(
        call.account_id,
        region,
        entry["Source"],
        entry["DetailType"],
        detail,
        entry.get("Resources") or [],
        _time(entry),
    )
    if name in events_backends[owner][region].event_buses:  # otherwise accepted, and matched by nothing
        bus.publish(event, bus=name, owner=owner)
    return {"EventId": event["id"]}


def _time(entry: dict[str, Any]) -> datetime.datetime | None:
    given = entry.get("Time")
    if isinstance(given, int | float):
        return datetime.datetime.fromtimestamp(given, datetime.UTC)
    return datetime.datetime.fromisoformat(given) if given else None


def _size(entry: dict[str, Any]) -> int:
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    return sum(len(str(text).encode()) for text in texts if text) + (14 if entry.get("Time") else 0)


def _test_pattern(request: dict[str, Any]) -> dict[str, Any]:
    try:
        pattern = patterns.parse(str(request.get("EventPattern", "")))
    except patterns.PatternError as error:
        raise AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}") from error
    try:
        event = json.loads(request.get("Event", ""))
    except ValueError as error:
        raise AwsError("ValidationException", "Parameter Event is not valid. Reason: it is no JSON.") from error
    needed = ("id", "account", "source", "time", "region", "resources", "detail-type")
    missing = [name for name in needed if not isinstance(event, dict) or name not in event]
    if missing:
        raise AwsError("ValidationException", f"Parameter Event is not valid. Reason: it has no {missing[0]}.")
    return {"Result": patterns.matches(pattern, event)}


def _check_schedule(expression: str) -> None:
    try:
        expressions.parse(expression, at=False)
    except expressions.ExpressionError as error:
        raise AwsError("ValidationException", "Parameter ScheduleExpression is not valid.") from error


def _parse(self: Any) -> dict[str, Any]:
    if not self.pattern:
        return {}
    try:
        return patterns.parse(self.pattern)
    except patterns.PatternError as error:
        raise InvalidEventPatternException(reason=str(error)) from error


def _send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
    """How moto's own services emit: the event goes the usual way, to this one rule."""
    del transform_input
    event = {**original_event, "id": original_event.get("id") or str(uuid.uuid4())}
    if isinstance(event.get("time"), int | float):
        event["time"] = work.stamp(datetime.datetime.fromtimestamp(float(event["time"]), datetime.UTC))
    event.pop("ingestion-time", None)
    if patterns.matches(self.event_pattern.get_pattern(), event):
        for target in list(self.targets):
            bus.to_target(self, target, event)


def _json(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document), content_type="application/x-amz-json-1.1")
