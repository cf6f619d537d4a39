"""What happens at its time on the sandbox's clock: rules with a schedule, and the schedules of EventBridge Scheduler.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule.html
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.events.models import events_backends
from moto.scheduler.models import scheduler_backends

from sandbox.events import bus, delivery, expressions, targets, work
from sandbox.runtime.clock import Timer

log = logging.getLogger(__name__)
LOOK_EVERY = 10.0  # AWS seconds; AWS promises no better than a minute
MOST_AT_ONCE = 20  # times of one schedule that are made up for when the clock ran faster than we looked
_lock = threading.Lock()
_plans: dict[str, Plan] = {}
_timers: list[Timer] = []


@dataclass
class Plan:
    """What is known of one schedule. `key` says what it was made from: when that changes, it begins anew."""

    key: tuple[Any, ...]
    schedule: expressions.Schedule
    zone: Any
    start: datetime
    due: datetime | None
    last: datetime | None = None
    error: str | None = None
    seen: bool = field(default=True, repr=False)


def begin() -> None:
    """Look after all schedules from now on."""
    end()
    _timers.append(work.every(LOOK_EVERY, "schedules", look))


def end() -> None:
    """Stop it, and forget what was planned."""
    while _timers:
        _timers.pop().cancel()
    with _lock:
        _plans.clear()


def look() -> None:
    """Fire what is due."""
    with _lock:
        for plan in _plans.values():
            plan.seen = False
        for rule in _rules():
            _look_at_rule(rule)
        for group, schedule in _schedules():
            _look_at_schedule(group, schedule)
        for arn in [arn for arn, plan in _plans.items() if not plan.seen]:
            del _plans[arn]


def planned() -> Mapping[str, Plan]:
    """Return the plans by the ARN of the rule or the schedule."""
    with _lock:
        return dict(_plans)


def rules() -> list[Any]:
    """Return the rules of all accounts that have a schedule."""
    return list(_rules())


def all_schedules() -> list[Any]:
    """Return the schedules of all accounts."""
    return [schedule for _, schedule in _schedules()]


def zone_named(name: str | None) -> Any:
    """Return the time zone of this name, UTC without one. Raises ExpressionError when there is none."""
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise expressions.ExpressionError(f"no time zone {name}") from error


def _rules() -> Iterator[Any]:
    for regions in list(events_backends.values()):
        for backend in list(regions.values()):
            default = backend.event_buses.get("default")
            yield from (rule for rule in list(default.rules.values() if default else ()) if rule.scheduled_expression)


def _schedules() -> Iterator[tuple[Any, Any]]:
    for regions in list(scheduler_backends.values()):
        for backend in list(regions.values()):
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    yield group, schedule


def _plan(
    arn: str, key: tuple[Any, ...], expression: str, zone: Any, *, start: datetime | None, at_once: bool = False
) -> Plan | None:
    """Return the plan of a schedule; made anew when what it was made from has changed."""
    plan = _plans.get(arn)
    if plan is None or plan.key != key:
        now = work.now()
        try:
            schedule = expressions.parse(expression, at=True)
        except expressions.ExpressionError as error:
            log.warning("%s: %s", arn, error)
            return None
        began = start or now
        plan = _plans[arn] = Plan(key, schedule, zone, began, _first(schedule, began, now, zone, at_once=at_once))
    plan.seen = True
    return plan


def _first(
    schedule: expressions.Schedule, began: datetime, now: datetime, zone: Any, *, at_once: bool
) -> datetime | None:
    """A schedule's rate begins with its start, a rule's one period after it was made."""
    if at_once and isinstance(schedule, expressions.Rate) and began >= now:
        return began
    return schedule.after(max(began, now) - timedelta(microseconds=1), start=began, zone=zone)


def _times(plan: Plan) -> list[datetime]:
    """Return when it was due since the last look, and plan the next time."""
    now, found = work.now(), []
    while plan.due is not None and plan.due <= now:
        found.append(plan.due)
        plan.last = plan.due
        plan.due = plan.schedule.after(plan.due, start=plan.start, zone=plan.zone)
    return found[-MOST_AT_ONCE:]


def _look_at_rule(rule: Any) -> None:
    key = (rule.scheduled_expression, rule.state)
    plan = _plan(rule.arn, key, rule.scheduled_expression, UTC, start=None)
    if plan is None:
        return
    for due in _times(plan):
        if str(rule.state).startswith("ENABLED"):
            event = bus.envelope(
                rule.account_id, rule.region_name, "aws.events", "Scheduled Event", {}, [rule.arn], time=due
            )
            bus.note(event, [rule.name])
            for target in list(rule.targets):
                bus.to_target(rule, target, event)


def _look_at_schedule(group: Any, schedule: Any) -> None:
    key = (
        schedule.schedule_expression,
        schedule.schedule_expression_timezone,
        schedule.start_date,
        schedule.end_date,
        schedule.state,
        schedule.last_modified_date,
    )
    try:
        zone = zone_named(schedule.schedule_expression_timezone)
    except expressions.ExpressionError as error:
        log.warning("%s: %s", schedule.arn, error)
        return
    plan = _plan(schedule.arn, key, schedule.schedule_expression, zone, start=moment(schedule.start_date), at_once=True)
    if plan is None or schedule.state != "ENABLED":
        return
    last = moment(schedule.end_date)
    for due in _times(plan):
        if last is None or due <= last:
            _fire(schedule, plan, due)
    over = plan.due is None or (last is not None and plan.due > last)
    if over:
        plan.due = None
        if schedule.action_after_completion == "DELETE" and not _window(schedule):
            group.schedules.pop(schedule.name, None)
        elif schedule.action_after_completion == "DELETE":
            work.later(_window(schedule), "delete", lambda: group.schedules.pop(schedule.name, None))


def _fire(schedule: Any, plan: Plan, due: datetime) -> None:
    window = _window(schedule)
    if window:
        work.later(random.uniform(0, window), schedule.arn, lambda: _deliver(schedule, plan, due))  # noqa: S311
    else:
        _deliver(schedule, plan, due)


def _window(schedule: Any) -> float:
    """AWS seconds after the time within which it may happen."""
    flexible = schedule.flexible_time_window or {}
    return 60.0 * float(flexible.get("MaximumWindowInMinutes") or 0) if flexible.get("Mode") == "FLEXIBLE" else 0.0


def _deliver(schedule: Any, plan: Plan, due: datetime) -> None:
    _, _, _, region, account, _ = schedule.arn.split(":", 5)
    target = dict(schedule.target)
    words = {
        "<aws.scheduler.schedule-arn>": schedule.arn,
        "<aws.scheduler.scheduled-time>": work.stamp(due),
        "<aws.scheduler.execution-id>": f"{random.getrandbits(64):016x}",
        "<aws.scheduler.attempt-number>": "1",
    }
    payload = str(target.get("Input") or "{}")
    for word, value in words.items():
        payload = payload.replace(word, value)

    def done(error: str | None) -> None:
        plan.error = error

    delivery.start(
        delivery.Delivery("scheduler", account, region, schedule.arn, target, payload, done=done),
        targets.send,
        targets.bury,
    )


def moment(value: Any) -> datetime | None:
    """Return a start or an end date, which comes as a number or as text."""
    if value is None or value == "":
        return None
    with contextlib.suppress(ValueError, TypeError):
        return datetime.fromtimestamp(float(value), UTC)
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
