"""CloudWatch: the state of alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


@dataclass(frozen=True)
class Alarm:
    """An alarm: OK, ALARM or INSUFFICIENT_DATA, why, and since when (RFC 3339)."""

    name: str
    state: str
    reason: str
    since: str


class Alarms:
    """Alarms of one account."""

    def __init__(self, client: CloudWatchClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def with_prefix(self, prefix: str) -> tuple[Alarm, ...]:
        """Return the metric and composite alarms whose names begin with `prefix`, by name."""
        with translated(self._where, f"alarms {prefix}*"):
            pages = self._client.get_paginator("describe_alarms").paginate(
                AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
            entries: list[Any] = [
                entry for page in pages for entry in [*page["MetricAlarms"], *page["CompositeAlarms"]]
            ]
        return tuple(sorted((_alarm(entry) for entry in entries), key=lambda alarm: alarm.name))


def _alarm(entry: Any) -> Alarm:
    since = entry.get("StateUpdatedTimestamp")
    return Alarm(
        name=entry["AlarmName"],
        state=entry.get("StateValue", "INSUFFICIENT_DATA"),
        reason=entry.get("StateReason", ""),
        since=since.isoformat() if since else "",
    )
