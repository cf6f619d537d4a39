"""Alarms of one account and region: what they are, their states and their history."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from sandbox.cloudwatch.rule import Rule
from sandbox.runtime import clock

HISTORY = 1000  # items for each account and region; AWS keeps 30 days
INITIAL = "Unchecked: Initial alarm creation"
LISTS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


@dataclass
class Alarm:
    """One alarm. `request` is what PutMetricAlarm or PutCompositeAlarm got; moto finds name and ARN under its names."""

    name: str
    alarm_arn: str
    account_id: str
    region: str
    request: dict[str, Any]
    rule: Rule | None = None  # of a composite alarm
    actions_enabled: bool = True
    state: str = "INSUFFICIENT_DATA"
    reason: str = INITIAL
    reason_data: str = "{}"
    configured: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    transitioned: datetime = field(default_factory=lambda: datetime.now(UTC))
    changed: datetime = field(default_factory=lambda: clock.shared().now())  # of AWS's time
    rang: int = 0  # how often it went to ALARM
    beat: int = -1  # the last minute, or ten seconds, of AWS's time that was evaluated
    value: float | None = None  # the newest data point that was evaluated
    waiting: Waiting | None = None  # actions of a composite alarm that may be suppressed
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def kind(self) -> str:
        """AWS's name of its type."""
        return "CompositeAlarm" if self.rule is not None else "MetricAlarm"

    @property
    def period(self) -> int:
        """Seconds of one data point."""
        if self.request.get("Period"):
            return int(self.request["Period"])
        stats = [one["MetricStat"] for one in self.request.get("Metrics") or [] if one.get("MetricStat")]
        return max((int(one["Period"]) for one in stats), default=60)

    @property
    def resolution(self) -> int:
        """How often it is evaluated, in AWS seconds: each minute; a high-resolution one each ten seconds.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
        """
        return 60 if self.period >= 60 else 10

    def actions(self, state: str) -> list[str]:
        """Return the ARNs that are called when it goes to a state."""
        return list(self.request.get(LISTS[state]) or [])


@dataclass
class Waiting:
    """Actions of a change of state that are not carried out yet. Moments are AWS seconds since 1970."""

    old: str
    since: float
    suppressed_by: str = ""  # WaitPeriod, Alarm, ExtensionPeriod
    seen: float | None = None  # when the suppressor was last in ALARM
    reason: str = ""


def alarms_of(account_id: str, region: str) -> dict[str, Alarm]:
    """Return the alarms by name: moto's own dictionary, so that they live and end with its state."""
    backend: Any = cloudwatch_backends[account_id][region]
    found: dict[str, Alarm] = backend.alarms
    return found


def everywhere() -> list[Alarm]:
    """Return all alarms of all accounts and regions."""
    return [
        alarm
        for regions in list(cloudwatch_backends.values())
        for backend in list(regions.values())
        for alarm in list(backend.alarms.values())
        if isinstance(alarm, Alarm)
    ]


def state_of(account_id: str, region: str, name: str) -> str:
    """Return the state of an alarm, by its name or ARN; INSUFFICIENT_DATA when there is none."""
    found = alarms_of(account_id, region).get(name.partition(":alarm:")[2] or name)
    return found.state if found is not None else "INSUFFICIENT_DATA"


def history_of(account_id: str, region: str) -> list[dict[str, Any]]:
    """Return the history items, the oldest first. It outlives its alarms."""
    backend: Any = cloudwatch_backends[account_id][region]
    found: list[dict[str, Any]] = backend.__dict__.setdefault("sandbox_alarm_history", [])
    return found


def note(alarm: Alarm, kind: str, summary: str, data: Mapping[str, Any]) -> None:
    """Write a line of history: kind is ConfigurationUpdate, StateUpdate or Action."""
    items = history_of(alarm.account_id, alarm.region)
    items.append(
        {
            "AlarmName": alarm.name,
            "AlarmType": alarm.kind,
            "Timestamp": datetime.now(UTC),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps({"version": "1.0", **data}, default=str),
        }
    )
    del items[:-HISTORY]


def move(alarm: Alarm, state: str, reason: str, reason_data: str) -> str | None:
    """Set state and reason. Returns the old state when it changed, else None."""
    with alarm.lock:
        old, now = alarm.state, datetime.now(UTC)
        before = {"stateValue": old, "stateReason": alarm.reason, "stateReasonData": _data(alarm.reason_data)}
        alarm.state, alarm.reason, alarm.reason_data = state, reason, reason_data
        if old == state:
            return None
        alarm.updated = alarm.transitioned = now
        alarm.changed = clock.shared().now()
        alarm.rang += state == "ALARM"
        after = {"stateValue": state, "stateReason": reason, "stateReasonData": _data(reason_data)}
        note(alarm, "StateUpdate", f"Alarm updated from {old} to {state}", {"oldState": before, "newState": after})
        return old


def _data(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
