"""What DescribeAlarms and the page show of an alarm."""

from __future__ import annotations

from typing import Any

from sandbox.board import register
from sandbox.cloudwatch.alarms import Alarm, everywhere

_ECHOED = (
    "AlarmDescription",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    "ThresholdMetricId",
)
_ECHOED_COMPOSITE = (
    "AlarmDescription",
    "AlarmRule",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
)


def metric(alarm: Alarm) -> dict[str, Any]:
    """Return a MetricAlarm of the API."""
    shown = {**_both(alarm), **{name: alarm.request[name] for name in _ECHOED if alarm.request.get(name) is not None}}
    if not alarm.request.get("Metrics"):
        shown["Dimensions"] = alarm.request.get("Dimensions") or []
    else:
        shown["Metrics"] = [{"ReturnData": True, **one} for one in alarm.request["Metrics"]]
    return shown


def composite(alarm: Alarm) -> dict[str, Any]:
    """Return a CompositeAlarm of the API."""
    echoed = {name: alarm.request[name] for name in _ECHOED_COMPOSITE if alarm.request.get(name) is not None}
    shown = {**_both(alarm), **echoed}
    if alarm.waiting is not None and alarm.waiting.suppressed_by:
        shown["ActionsSuppressedBy"] = alarm.waiting.suppressed_by
        shown["ActionsSuppressedReason"] = alarm.waiting.reason
    return shown


def board() -> None:
    """Show the alarms on the page."""
    register("alarms", _shown)


def _shown() -> list[dict[str, Any]]:
    return [
        {
            "account": alarm.account_id,
            "name": alarm.name,
            "state": alarm.state,
            "reason": alarm.reason,
            "changed": f"{alarm.changed:%Y-%m-%dT%H:%M:%SZ}",
            "metric": str(alarm.request.get("MetricName") or alarm.request.get("AlarmRule") or "metric math"),
            "composite": alarm.rule is not None,
        }
        for alarm in everywhere()
    ]


def _both(alarm: Alarm) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.alarm_arn,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured,
        "ActionsEnabled": alarm.actions_enabled,
        "OKActions": alarm.actions("OK"),
        "AlarmActions": alarm.actions("ALARM"),
        "InsufficientDataActions": alarm.actions("INSUFFICIENT_DATA"),
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateReasonData": alarm.reason_data,
        "StateUpdatedTimestamp": alarm.updated,
        "StateTransitionedTimestamp": alarm.transitioned,
    }
