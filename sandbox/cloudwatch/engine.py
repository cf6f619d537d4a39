"""Evaluates alarms on the clock and carries out what their changes ask for."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from sandbox import faults
from sandbox.cloudwatch import neighbours, notices
from sandbox.cloudwatch.alarms import Alarm, Waiting, alarms_of, everywhere, move, note, state_of
from sandbox.cloudwatch.evaluate import Outcome, evaluate
from sandbox.cloudwatch.metrics import now

log = logging.getLogger(__name__)
BEAT = 10.0  # AWS seconds
_ROUNDS = 10  # composite alarms on composite alarms; those that go round in a circle stop there


def beat() -> None:
    """Evaluate every alarm whose minute (or ten seconds) is over, then the composite ones. Never raises."""
    moment = now()
    alarms = everywhere()
    for alarm in alarms:
        if alarm.rule is None and int(moment // alarm.resolution) > alarm.beat:
            alarm.beat = int(moment // alarm.resolution)
            _guarded(_check, alarm, moment)
    _composites(alarms, moment)


def changed(alarm: Alarm, old: str) -> None:
    """Do what a change of state asks for: the event, the actions, the composite alarms that look at it."""
    _announce(alarm, old)
    _composites(list(alarms_of(alarm.account_id, alarm.region).values()), now())


def settle(alarm: Alarm) -> None:
    """Give a composite alarm that was just put its state."""
    _composites([alarm], now())


def _guarded(step: Any, alarm: Alarm, moment: float) -> None:
    try:
        step(alarm, moment)
    except Exception:
        log.exception("alarm %s of %s", alarm.name, alarm.account_id)


def _check(alarm: Alarm, moment: float) -> None:
    outcome = _asked_for(alarm) or evaluate(alarm, moment)
    alarm.value = outcome.value
    state = outcome.state or alarm.state
    if state != alarm.state:
        old = move(alarm, state, outcome.reason, outcome.data)
        if old is not None:
            _announce(alarm, old)
    else:
        _repeat(alarm)


def _asked_for(alarm: Alarm) -> Outcome | None:
    """Somebody wishes for an alarm that rings, whatever its metric says."""
    if faults.asks("ringing-alarm", account=alarm.account_id, resource=alarm.name) is None:
        return None
    return Outcome("ALARM", "A fault of the kind ringing-alarm was asked for.", "{}")


def _composites(alarms: list[Alarm], moment: float) -> None:
    composites = [alarm for alarm in alarms if alarm.rule is not None]
    for _ in range(_ROUNDS):
        moved = [_decide(alarm, moment) for alarm in composites]
        if True not in moved:
            break
    for alarm in composites:
        _guarded(_release, alarm, moment)


def _decide(alarm: Alarm, moment: float) -> bool:
    """Evaluate a composite alarm; it is never without data itself. Returns whether it changed."""
    if alarm.rule is None:
        return False
    holds = alarm.rule.holds(lambda name: state_of(alarm.account_id, alarm.region, name))
    state = "ALARM" if holds else "OK"
    if state == alarm.state:
        return False
    reason, data = _why(alarm, state)
    old = move(alarm, state, reason, data)
    if old is None:
        return False
    if alarm.request.get("ActionsSuppressor"):
        if alarm.waiting is None:
            alarm.waiting = Waiting(old, moment)
        neighbours.emit(alarm.account_id, alarm.region, notices.EVENT, notices.event(alarm, old), [alarm.alarm_arn])
    else:
        _announce(alarm, old)
    return True


def _why(alarm: Alarm, state: str) -> tuple[str, str]:
    """The child that changed last is what set the composite alarm off."""
    children = [
        child
        for name in (alarm.rule.alarms if alarm.rule else ())
        if (child := alarms_of(alarm.account_id, alarm.region).get(name.partition(":alarm:")[2] or name))
    ]
    if not children:
        return f"{alarm.alarm_arn} was created and its alarm rule evaluates to {state}", "{}"
    child = max(children, key=lambda one: one.transitioned)
    data = {
        "triggeringAlarms": [
            {"arn": child.alarm_arn, "state": {"value": child.state, "timestamp": notices.iso(child.transitioned)}}
        ]
    }
    when = f"{child.transitioned:%A %d %B, %Y %H:%M:%S} UTC"
    return f"{child.alarm_arn} transitioned to {child.state} at {when}", json.dumps(data)


def _release(alarm: Alarm, moment: float) -> None:
    """Carry out actions that a suppressor held back, once it does so no more.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
    """
    waiting = alarm.waiting
    if waiting is None:
        return
    suppressor = str(alarm.request.get("ActionsSuppressor") or "")
    if suppressor and state_of(alarm.account_id, alarm.region, suppressor) == "ALARM":
        waiting.seen = moment
        _suppressed(alarm, waiting, "Alarm", f"{suppressor} is in ALARM state")
        return
    name, begun = ("WaitPeriod", waiting.since) if waiting.seen is None else ("ExtensionPeriod", waiting.seen)
    if suppressor and moment < begun + float(alarm.request.get(f"ActionsSuppressor{name}") or 0):
        _suppressed(alarm, waiting, name, f"within the {name} of {suppressor}")
        return
    alarm.waiting = None
    if waiting.old != alarm.state:
        _actions(alarm, waiting.old)


def _suppressed(alarm: Alarm, waiting: Waiting, by: str, reason: str) -> None:
    if waiting.suppressed_by != by:
        waiting.suppressed_by, waiting.reason = by, f"Actions suppressed by {by}: {reason}"
        note(alarm, "Action", waiting.reason, {"actionsSuppressedBy": by})


def _announce(alarm: Alarm, old: str) -> None:
    log.info("alarm %s of %s: %s -> %s (%s)", alarm.name, alarm.account_id, old, alarm.state, alarm.reason)
    try:
        neighbours.emit(alarm.account_id, alarm.region, notices.EVENT, notices.event(alarm, old), [alarm.alarm_arn])
    except Exception:
        log.exception("event of alarm %s", alarm.name)
    _actions(alarm, old)


def _actions(alarm: Alarm, old: str) -> None:
    if alarm.actions_enabled:
        for arn in alarm.actions(alarm.state):
            _act(alarm, arn, old)


def _repeat(alarm: Alarm) -> None:
    """Scaling goes on, once each minute, while the alarm stays what it is."""
    if alarm.actions_enabled:
        for arn in alarm.actions(alarm.state):
            if neighbours.is_scaling(arn):
                neighbours.act(
                    arn,
                    account_id=alarm.account_id,
                    alarm_arn=alarm.alarm_arn,
                    alarm_name=alarm.name,
                    subject="",
                    message="",
                )


def _act(alarm: Alarm, arn: str, old: str) -> None:
    data = {
        "actionState": "Succeeded",
        "stateUpdateTimestamp": int(datetime.now(UTC).timestamp() * 1000),
        "notificationResource": arn,
    }
    try:
        summary = neighbours.act(
            arn,
            account_id=alarm.account_id,
            alarm_arn=alarm.alarm_arn,
            alarm_name=alarm.name,
            subject=notices.subject(alarm),
            message=notices.message(alarm, old),
        )
    except Exception as error:  # noqa: BLE001 (whatever keeps an action from happening is its result)
        log.warning("alarm %s of %s: action %s failed: %s", alarm.name, alarm.account_id, arn, error)
        data = {**data, "actionState": "Failed", "error": str(error)}
        summary = f"Failed to execute action {arn}. Received error: {error}"
    note(alarm, "Action", summary, data)
