"""Scaling policies: target tracking, with the alarms that AWS makes for it, and step scaling.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-step-scaling-policies.html
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends

from sandbox.cloudwatch.alarms import Alarm, alarms_of
from sandbox.cloudwatch.metrics import now
from sandbox.scaling import capacity

COOLDOWN = 300.0  # AWS seconds, for target tracking of most services
HIGH, LOW = 3, 15  # periods beyond the target until it acts
LOW_SHARE = 0.9  # scaling in begins this far below the target, so that it does not swing
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
_PREDEFINED: Mapping[str, tuple[str, str, str, int]] = {
    "SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum", "None", 60),
    "SageMakerVariantProvisionedConcurrencyUtilization": (
        "ServerlessProvisionedConcurrencyUtilization",
        "Maximum",
        "None",
        60,
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": ("ConcurrentRequestsPerModel", "Maximum", "None", 10),
}


@dataclass
class Policy:
    """One policy. Moments are AWS seconds since 1970."""

    account_id: str
    region: str
    name: str
    namespace: str
    resource_id: str
    dimension: str
    kind: str
    configuration: dict[str, Any]
    arn: str
    alarms: list[Alarm] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    scaled_out: tuple[float, int, int] | None = None  # when, to how many, from how many
    scaled_in: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is known by: its name on its target."""
        return self.namespace, self.resource_id, self.dimension, self.name


def policies_of(account_id: str, region: str) -> dict[tuple[str, str, str, str], Policy]:
    """Return the policies of an account and region."""
    backend: Any = applicationautoscaling_backends[account_id][region]
    found: dict[tuple[str, str, str, str], Policy] = backend.__dict__.setdefault("sandbox_policies", {})
    return found


def make_alarms(policy: Policy) -> None:
    """Make the two alarms of a target tracking policy, or change the ones it has. Raises ValueError.

    Names and settings as AWS gives them.
    """
    wanted = float(policy.configuration["TargetValue"])
    watched, period = _watched(policy)
    shapes = [("AlarmHigh", "GreaterThanThreshold", wanted, HIGH)]
    if not policy.configuration.get("DisableScaleIn"):
        shapes.append(("AlarmLow", "LessThanThreshold", wanted * LOW_SHARE, LOW))
    known = alarms_of(policy.account_id, policy.region)
    drop_alarms(policy)
    for word, operator, threshold, periods in shapes:
        name = f"TargetTracking-{policy.resource_id}-{word}-{uuid.uuid4()}"
        request = {
            "AlarmName": name,
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            "ComparisonOperator": operator,
            "EvaluationPeriods": periods,
            "Threshold": threshold,
            "AlarmActions": [policy.arn],
            **({"Period": period} if "Metrics" not in watched else {}),
            **watched,
        }
        arn = f"arn:aws:cloudwatch:{policy.region}:{policy.account_id}:alarm:{name}"
        known[name] = Alarm(name, arn, policy.account_id, policy.region, request)
        policy.alarms.append(known[name])


def drop_alarms(policy: Policy) -> None:
    """Delete the alarms that were made for the policy."""
    known = alarms_of(policy.account_id, policy.region)
    for alarm in policy.alarms:
        known.pop(alarm.name, None)
    policy.alarms.clear()


def triggered(arn: str, alarm_name: str) -> None:
    """Do what an alarm asks of a policy. Raises ValueError when policy or target is gone."""
    account_id, region = arn.split(":")[4], arn.split(":")[3]
    policy = next((one for one in policies_of(account_id, region).values() if one.arn == arn), None)
    if policy is None:
        raise ValueError(f"there is no scaling policy {arn}")
    target = capacity.target_of(account_id, region, policy.dimension, policy.resource_id)
    alarm = alarms_of(account_id, region).get(alarm_name)
    count = capacity.current(account_id, region, policy.dimension, policy.resource_id)
    if target is None or alarm is None or count is None:
        raise ValueError(f"the scalable target {policy.resource_id} is gone")
    wanted = _agreed(policy, _wanted(policy, alarm, _base(policy, count)), count)
    wanted = max(int(target.min_capacity), min(wanted, int(target.max_capacity)))
    if wanted == count or not _may(policy, target, count, wanted):
        return
    cause = f"monitor alarm {alarm_name} in state {alarm.state} triggered policy {policy.name}"
    if capacity.set_desired(account_id, region, target, wanted, cause) is not None:
        if wanted > count:
            policy.scaled_out = (now(), wanted, count)
            policy.scaled_in = None  # scaling out ends the cooldown of scaling in
        else:
            policy.scaled_in = now()


def _watched(policy: Policy) -> tuple[dict[str, Any], int]:
    """What the alarms look at, as members of PutMetricAlarm, and the period in seconds."""
    predefined = policy.configuration.get("PredefinedMetricSpecification")
    custom = policy.configuration.get("CustomizedMetricSpecification")
    if bool(predefined) == bool(custom):
        raise ValueError("either a predefined or a customized metric specification is needed")
    if predefined:
        kind = str(predefined.get("PredefinedMetricType"))
        parts = policy.resource_id.split("/")
        if kind not in _PREDEFINED or len(parts) != 4:
            raise ValueError(f"the predefined metric {kind} is not offered here for {policy.resource_id}")
        name, statistic, _, period = _PREDEFINED[kind]
        dimensions = [{"Name": "EndpointName", "Value": parts[1]}, {"Name": "VariantName", "Value": parts[3]}]
        shown = {"Namespace": "AWS/SageMaker", "MetricName": name, "Statistic": statistic, "Dimensions": dimensions}
        return shown, period
    custom = dict(custom or {})
    if custom.get("Metrics"):
        return {"Metrics": [_query(one) for one in custom["Metrics"]]}, 60
    shown = {
        name: custom[name] for name in ("Namespace", "MetricName", "Statistic", "Dimensions", "Unit") if name in custom
    }
    return shown, 60


def _query(one: Mapping[str, Any]) -> dict[str, Any]:
    """A TargetTrackingMetricDataQuery has no period: it is a minute."""
    if not one.get("MetricStat"):
        return dict(one)
    return {**one, "MetricStat": {"Period": 60, **one["MetricStat"]}}


def _base(policy: Policy, count: int) -> int:
    """What steps are added to: within the cooldown, what the last scaling out added counts as part of this one."""
    last = policy.scaled_out
    if policy.kind != "StepScaling" or last is None:
        return count
    return last[2] if now() < last[0] + float(policy.configuration.get("Cooldown", 0)) else count


def _wanted(policy: Policy, alarm: Alarm, count: int) -> int:
    if alarm.value is None:
        return count
    if policy.kind == "TargetTrackingScaling":
        wanted = math.ceil(count * alarm.value / float(policy.configuration["TargetValue"]) - 1e-9)
        low = alarm.request["ComparisonOperator"].startswith("Less")
        return min(count, wanted) if low else max(count + 1, wanted)
    return _stepped(policy.configuration, alarm.value - float(alarm.request["Threshold"]), count)


def _siblings(policy: Policy) -> list[Policy]:
    """All policies of its target, itself included."""
    known = policies_of(policy.account_id, policy.region).values()
    return [one for one in known if one.key[:3] == policy.key[:3]]


def _agreed(policy: Policy, wanted: int, count: int) -> int:
    """Scaling in needs the consent of every target tracking policy of the target: the one that keeps most decides.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
    (Multiple scaling policies)
    """
    if policy.kind != "TargetTrackingScaling" or wanted >= count:
        return wanted
    for other in _siblings(policy):
        if other is policy or other.kind != "TargetTrackingScaling":
            continue
        low = next((one for one in other.alarms if one.request["ComparisonOperator"].startswith("Less")), None)
        if low is not None:  # none: its scaling in is disabled, and it is not asked
            wanted = max(wanted, _wanted(other, low, count) if low.state == "ALARM" else count)
    return wanted


def _stepped(configuration: Mapping[str, Any], beyond: float, count: int) -> int:
    """The step whose interval holds how far the metric is beyond the alarm's threshold."""
    step = next((one for one in configuration.get("StepAdjustments") or [] if _holds(one, beyond)), None)
    if step is None:
        return count
    amount = int(step["ScalingAdjustment"])
    kind = configuration.get("AdjustmentType") or "ChangeInCapacity"
    if kind == "ExactCapacity":
        return amount
    if kind == "ChangeInCapacity":
        return count + amount
    change = count * amount / 100
    # above 1 rounded down, from 0 to 1 up to 1, and the same the other way (page above, "Scaling adjustment types")
    whole = math.floor(abs(change)) if abs(change) > 1 else math.ceil(abs(change))
    least = int(configuration.get("MinAdjustmentMagnitude") or 0)
    return count + int(math.copysign(max(whole, least), change))


def _holds(step: Mapping[str, Any], beyond: float) -> bool:
    """The bound nearer to the threshold belongs to the interval, the other does not."""
    low = float(step.get("MetricIntervalLowerBound", -math.inf))
    high = float(step.get("MetricIntervalUpperBound", math.inf))
    return low <= beyond < high if beyond >= 0 else low < beyond <= high


def _may(policy: Policy, target: Any, count: int, wanted: int) -> bool:
    """Whether suspension and cooldowns let it.

    Within its cooldown, scaling out goes on only to more than the last time; scaling in waits.
    """
    out = wanted > count
    if capacity.suspended(target, "DynamicScalingOut" if out else "DynamicScalingIn"):
        return False
    moment = now()
    if policy.kind == "TargetTrackingScaling":
        pause_out = float(policy.configuration.get("ScaleOutCooldown", COOLDOWN))
        pause_in = float(policy.configuration.get("ScaleInCooldown", COOLDOWN))
    else:
        pause_out = pause_in = float(policy.configuration.get("Cooldown", 0))
    if policy.scaled_out is not None and moment < policy.scaled_out[0] + pause_out:
        return out and wanted > policy.scaled_out[1]
    # the cooldown is the policy's own, and counts from the last time that any of the target's policies scaled in
    before = [one.scaled_in for one in _siblings(policy) if one.scaled_in is not None]
    return out or not before or moment >= max(before) + pause_in
