"""How a deployment moves traffic: the steps of a DeploymentConfig.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plan:
    """Traffic to the new fleet in per cent, step by step; `wait` AWS seconds of baking after each step but the last."""

    steps: tuple[float, ...] = (100.0,)
    wait: int = 0
    bake: int = 0  # AWS seconds after the last step, watched by the alarms, before the old fleet is terminated
    limit: int = 3600 * 8
    alarms: tuple[str, ...] = field(default=())


class InvalidDeploymentError(Exception):
    """SageMaker refuses this deployment config. The message says why."""


def plan(
    deployment: Mapping[str, Any] | None, variants: Mapping[str, int | None], instance_types: Collection[str] = ()
) -> Plan:
    """Return the plan of a deployment config for variants with these instance counts (None: serverless).

    Without a config: blue/green, all at once. Raises InvalidDeploymentError for what SageMaker refuses.
    """
    if not deployment:
        return Plan()
    rolling = deployment.get("RollingUpdatePolicy")
    blue_green = deployment.get("BlueGreenUpdatePolicy")
    if rolling and blue_green:
        raise InvalidDeploymentError("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    alarms = _alarms(deployment)
    if any(kind.startswith("ml.inf1.") for kind in instance_types):
        return Plan()  # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    if rolling:
        return _rolling(rolling, variants, alarms)
    return _blue_green(blue_green or {}, variants, alarms)


def _alarms(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    configuration = deployment.get("AutoRollbackConfiguration") or {}
    alarms = tuple(alarm["AlarmName"] for alarm in configuration.get("Alarms") or [])
    if configuration and not 1 <= len(alarms) <= 10:
        raise InvalidDeploymentError("AutoRollbackConfiguration must have from 1 to 10 alarms.")
    return alarms


def _blue_green(policy: Mapping[str, Any], variants: Mapping[str, int | None], alarms: tuple[str, ...]) -> Plan:
    routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE"}
    kind = routing.get("Type")
    bake = int(policy.get("TerminationWaitInSeconds") or 0)
    limit = int(policy.get("MaximumExecutionTimeoutInSeconds") or Plan.limit)
    wait = int(routing.get("WaitIntervalInSeconds") or 0)
    if wait + bake > limit:
        raise InvalidDeploymentError(
            "MaximumExecutionTimeoutInSeconds must be larger than the total of TerminationWaitInSeconds and "
            "WaitIntervalInSeconds."
        )
    if kind == "ALL_AT_ONCE":
        return Plan(bake=bake, limit=limit, alarms=alarms)
    if kind not in {"CANARY", "LINEAR"}:
        raise InvalidDeploymentError(f"Unknown traffic routing type {kind!r}.")
    name = "CanarySize" if kind == "CANARY" else "LinearStepSize"
    if not routing.get(name):
        raise InvalidDeploymentError(f"{name} is required for {kind} traffic routing.")
    lowest = 1 if kind == "CANARY" else 10
    share = _share(routing[name], variants, name=name, lowest=lowest)
    steps = (share, 100.0) if kind == "CANARY" else _stairs(share)
    return Plan(steps, wait, bake, limit, alarms)


def _rolling(policy: Mapping[str, Any], variants: Mapping[str, int | None], alarms: tuple[str, ...]) -> Plan:
    if len(variants) != 1 or None in variants.values():
        raise InvalidDeploymentError(
            "Rolling deployments are supported for one production variant with instances only."
        )
    share = _share(policy["MaximumBatchSize"], variants, name="MaximumBatchSize", lowest=5)
    wait = int(policy["WaitIntervalInSeconds"])
    limit = int(policy.get("MaximumExecutionTimeoutInSeconds") or Plan.limit)
    return Plan(_stairs(share), wait, wait, limit, alarms)


def _share(size: Mapping[str, Any], variants: Mapping[str, int | None], *, name: str, lowest: int) -> float:
    """Per cent of the fleet in one step: at most half of it, and at least one instance."""
    smallest = min((count for count in variants.values() if count), default=1)
    value = int(size["Value"])
    if size["Type"] == "CAPACITY_PERCENT":
        if not lowest <= value <= 50:
            raise InvalidDeploymentError(f"{name} must be from {lowest} to 50 percent of the fleet.")
        return 100.0 * math.ceil(smallest * value / 100) / smallest if smallest > 1 else float(value)
    if smallest > 1 and value * 2 > smallest:
        raise InvalidDeploymentError(f"{name} must not exceed 50 percent of the fleet of {smallest} instances.")
    return 100.0 * value / smallest if smallest > 1 else 50.0


def _stairs(share: float) -> tuple[float, ...]:
    below = tuple(share * number for number in range(1, math.ceil(100 / share)))
    return (*(step for step in below if step < 100), 100.0)
