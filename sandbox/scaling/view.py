"""What the API shows of policies and activities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.scaling.capacity import Activity
from sandbox.scaling.policies import Policy


def matches(one: Any, request: Mapping[str, Any]) -> bool:
    """Return whether a policy, action or activity is of the namespace, resource and dimension asked for."""
    return (
        one.namespace == request.get("ServiceNamespace")
        and request.get("ResourceId") in {None, one.resource_id}
        and request.get("ScalableDimension") in {None, one.dimension}
    )


def alarms(policy: Policy) -> list[dict[str, str]]:
    """Return the alarms that were made for a policy."""
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in policy.alarms]


def policy(one: Policy) -> dict[str, Any]:
    """Return a ScalingPolicy of the API."""
    return {
        "PolicyARN": one.arn,
        "PolicyName": one.name,
        "ServiceNamespace": one.namespace,
        "ResourceId": one.resource_id,
        "ScalableDimension": one.dimension,
        "PolicyType": one.kind,
        f"{one.kind}PolicyConfiguration": one.configuration,
        "Alarms": alarms(one),
        "CreationTime": one.created.timestamp(),
    }


def activity(one: Activity) -> dict[str, Any]:
    """Return a ScalingActivity of the API."""
    shown: dict[str, Any] = {
        "ActivityId": one.activity_id,
        "ServiceNamespace": one.namespace,
        "ResourceId": one.resource_id,
        "ScalableDimension": one.dimension,
        "Description": one.description,
        "Cause": one.cause,
        "StartTime": one.started.timestamp(),
        "StatusCode": one.status,
        "StatusMessage": one.message,
    }
    return {**shown, "EndTime": one.ended.timestamp()} if one.ended is not None else shown
