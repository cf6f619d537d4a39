"""EventBridge Scheduler: schedules that are checked when they are made; `sandbox/events/schedules.py` fires them.

moto takes any expression, and loses ActionAfterCompletion on an update.
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

from typing import Any

from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule

from sandbox.errors import AwsError
from sandbox.events import expressions, schedules
from sandbox.settings import Settings

_originals: dict[str, Any] = {}


def install(settings: Settings) -> None:
    """Check what moto keeps."""
    del settings
    for owner, name, function in (
        (EventBridgeSchedulerBackend, "create_schedule", _create),
        (EventBridgeSchedulerBackend, "update_schedule", _update),
        (Schedule, "_validate_start_date", _keep_start_date),
    ):
        original = getattr(owner, name)
        if original is not function:
            _originals[name] = original
            setattr(owner, name, function)


def _create(self: Any, **request: Any) -> Any:
    _check(request)
    return _originals["create_schedule"](self, **request)


def _update(self: Any, **request: Any) -> Any:
    _check(request)
    request["state"] = request.get("state") or "ENABLED"  # what is not sent falls back to its default
    return _originals["update_schedule"](self, **request)


def _check(request: dict[str, Any]) -> None:
    expression = str(request.get("schedule_expression"))
    try:
        expressions.parse(expression, at=True)
    except expressions.ExpressionError as error:
        raise AwsError("ValidationException", f"Invalid Schedule Expression {expression}.") from error
    zone = request.get("schedule_expression_timezone")
    try:
        schedules.zone_named(zone)
    except expressions.ExpressionError as error:
        raise AwsError("ValidationException", f"Invalid Timezone {zone}.") from error
    window = request.get("flexible_time_window") or {}
    minutes = window.get("MaximumWindowInMinutes")
    if window.get("Mode") == "FLEXIBLE" and not 1 <= int(minutes or 0) <= 1440:
        raise AwsError("ValidationException", "MaximumWindowInMinutes must be from 1 to 1440 in the mode FLEXIBLE.")
    if window.get("Mode") == "OFF" and minutes:
        raise AwsError("ValidationException", "MaximumWindowInMinutes must not be provided in the mode OFF.")
    if not (request.get("target") or {}).get("RoleArn"):
        raise AwsError("ValidationException", "The target must have a RoleArn.")


def _keep_start_date(self: Any, start_date: Any) -> Any:
    """moto compares a start date with the wall clock; the sandbox's own is ahead of it."""
    del self
    return start_date
