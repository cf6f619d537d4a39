"""What an alarm says when its state changes: the SNS message and the EventBridge event."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sandbox.cloudwatch.alarms import Alarm

EVENT = "CloudWatch Alarm State Change"
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
_REGIONS = {"eu-west-1": "EU (Ireland)", "eu-central-1": "EU (Frankfurt)", "us-east-1": "US East (N. Virginia)"}


def iso(moment: datetime) -> str:
    """Return a time as CloudWatch's messages have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def subject(alarm: Alarm) -> str:
    """Return the subject of the notification."""
    return f'{alarm.state}: "{alarm.name}" in {_REGIONS.get(alarm.region, alarm.region)}'


def message(alarm: Alarm, old: str) -> str:
    """Return the notification: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html ."""
    request = alarm.request
    text: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": request.get("AlarmDescription"),
        "AWSAccountId": alarm.account_id,
        "AlarmConfigurationUpdatedTimestamp": iso(alarm.configured),
        "NewStateValue": alarm.state,
        "NewStateReason": alarm.reason,
        "StateChangeTime": iso(alarm.transitioned),
        "Region": _REGIONS.get(alarm.region, alarm.region),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": old,
        "OKActions": alarm.actions("OK"),
        "AlarmActions": alarm.actions("ALARM"),
        "InsufficientDataActions": alarm.actions("INSUFFICIENT_DATA"),
    }
    if alarm.rule is None:
        text["Trigger"] = _trigger(request)
    else:
        text["AlarmRule"] = request["AlarmRule"]
    return json.dumps(text)


def _trigger(request: dict[str, Any]) -> dict[str, Any]:
    trigger: dict[str, Any] = {
        "Period": request.get("Period"),
        "EvaluationPeriods": request["EvaluationPeriods"],
        "DatapointsToAlarm": request.get("DatapointsToAlarm") or request["EvaluationPeriods"],
        "ComparisonOperator": request["ComparisonOperator"],
        "Threshold": float(request["Threshold"]),
        "TreatMissingData": request.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": request.get("EvaluateLowSampleCountPercentile") or "",
    }
    if request.get("Metrics"):
        return {**trigger, "Metrics": request["Metrics"]}
    return {
        "MetricName": request["MetricName"],
        "Namespace": request["Namespace"],
        "StatisticType": "Statistic" if request.get("Statistic") else "ExtendedStatistic",
        "Statistic": str(request.get("Statistic") or request["ExtendedStatistic"]).upper(),
        "Unit": request.get("Unit"),
        "Dimensions": [{"value": one["Value"], "name": one["Name"]} for one in request.get("Dimensions") or []],
        **trigger,
    }


def event(alarm: Alarm, old: str) -> dict[str, Any]:
    """Return the event's detail.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """
    request = alarm.request
    configuration: dict[str, Any] = {"description": request.get("AlarmDescription")}
    if alarm.rule is not None:
        configuration["alarmRule"] = request["AlarmRule"]
    else:
        configuration["metrics"] = [_metric(one) for one in request.get("Metrics") or [_plain(request)]]
    return {
        "alarmName": alarm.name,
        "state": {
            "value": alarm.state,
            "reason": alarm.reason,
            "reasonData": alarm.reason_data,
            "timestamp": iso(alarm.transitioned),
        },
        "previousState": {"value": old},
        "configuration": {key: value for key, value in configuration.items() if value is not None},
    }


def _plain(request: dict[str, Any]) -> dict[str, Any]:
    stat = {
        "Metric": {
            "Namespace": request["Namespace"],
            "MetricName": request["MetricName"],
            "Dimensions": request.get("Dimensions") or [],
        },
        "Period": request["Period"],
        "Stat": request.get("Statistic") or request["ExtendedStatistic"],
    }
    return {"Id": "m1", "MetricStat": stat, "ReturnData": True}


def _metric(query: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if query.get("Expression"):
        return {**shown, "expression": query["Expression"]}
    stat = query["MetricStat"]
    metric = stat["Metric"]
    shown["metricStat"] = {
        "metric": {
            "namespace": metric["Namespace"],
            "name": metric["MetricName"],
            "dimensions": {one["Name"]: one["Value"] for one in metric.get("Dimensions") or []},
        },
        "period": stat["Period"],
        "stat": stat["Stat"],
    }
    return shown
