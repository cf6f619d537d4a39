"""The steps of a deployment: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.runtime.clock import Clock
from sandbox.runtime.strategy import InvalidDeploymentError, Plan, plan


def size(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def blue_green(kind: str, **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": 60, **more}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 30}}


def rolling(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size(value, kind), "WaitIntervalInSeconds": 20}}


@pytest.mark.parametrize(
    ("deployment", "count", "steps"),
    [
        (None, 1, (100.0,)),
        ({}, 1, (100.0,)),
        (blue_green("ALL_AT_ONCE"), 3, (100.0,)),
        (blue_green("CANARY", CanarySize=size(10)), 1, (10.0, 100.0)),
        (blue_green("CANARY", CanarySize=size(10)), 10, (10.0, 100.0)),
        (blue_green("CANARY", CanarySize=size(10)), 4, (25.0, 100.0)),  # at least one instance
        (blue_green("CANARY", CanarySize=size(1, "INSTANCE_COUNT")), 4, (25.0, 100.0)),
        (blue_green("LINEAR", LinearStepSize=size(50)), 1, (50.0, 100.0)),
        (blue_green("LINEAR", LinearStepSize=size(1, "INSTANCE_COUNT")), 4, (25.0, 50.0, 75.0, 100.0)),
        (rolling(1, "INSTANCE_COUNT"), 2, (50.0, 100.0)),
    ],
)
def test_steps(deployment: dict[str, Any] | None, count: int, steps: tuple[float, ...]) -> None:
    assert plan(deployment, {"main": count}).steps == pytest.approx(steps)


def test_waits_and_alarms() -> None:
    alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}}
    made = plan({**blue_green("CANARY", CanarySize=size(10)), **alarms}, {"main": 1})
    assert (made.wait, made.bake, made.alarms) == (60, 30, ("a", "b"))
    assert plan(rolling(50), {"main": 2}).bake == 20  # each batch of a rolling deployment bakes
    assert plan(None, {"main": 1}) == Plan()


@given(st.integers(10, 50), st.integers(1, 60))
def test_steps_rise_to_all_of_the_traffic(percent: int, count: int) -> None:
    steps = plan(blue_green("LINEAR", LinearStepSize=size(percent)), {"main": count}).steps
    assert list(steps) == sorted(set(steps))
    assert steps[-1] == 100.0
    assert len(steps) <= 10


@pytest.mark.parametrize(
    ("deployment", "variants"),
    [
        (rolling(50), {"a": 1, "b": 1}),
        (rolling(50), {"a": None}),  # serverless
        (rolling(51), {"a": 1}),
        ({**rolling(50), **blue_green("ALL_AT_ONCE")}, {"a": 1}),
        (blue_green("CANARY", CanarySize=size(3, "INSTANCE_COUNT")), {"a": 4}),
        (blue_green("SOMETHING"), {"a": 1}),
    ],
)
def test_refusals(deployment: dict[str, Any], variants: dict[str, int | None]) -> None:
    with pytest.raises(InvalidDeploymentError):
        plan(deployment, variants)


def test_the_clock_runs_at_its_speed_and_stops() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Clock(0)
    clock = Clock(1000)
    assert clock.sleep(1)
    clock.stop()
    assert not clock.sleep(3600)
