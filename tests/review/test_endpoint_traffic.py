"""How traffic moves, for how long, and when deployments become less cautious."""

from __future__ import annotations

from typing import Any

import pytest

from glue.review import endpoints_traffic as traffic
from tests.review.making import reviewed, rules_of
from tests.review.serving import canary, config, moved, variant


def linear(percent: int, wait_s: int) -> list[dict[str, Any]]:
    """Return a deployment config in equal steps."""
    found = canary()
    found[0]["blue_green_update_policy"][0]["traffic_routing_configuration"] = [
        {
            "type": "LINEAR",
            "wait_interval_in_seconds": wait_s,
            "linear_step_size": [{"type": "CAPACITY_PERCENT", "value": percent}],
        }
    ]
    return found


def rolling(percent: int, wait_s: int, unit: str = "CAPACITY_PERCENT") -> list[dict[str, Any]]:
    """Return a rolling deployment config."""
    policy = {
        "maximum_batch_size": [{"type": unit, "value": percent}],
        "wait_interval_in_seconds": wait_s,
        "maximum_execution_timeout_in_seconds": 3000,
    }
    rollback = canary()[0]["auto_rollback_configuration"]
    return [
        {"blue_green_update_policy": [], "rolling_update_policy": [policy], "auto_rollback_configuration": rollback}
    ]


def at_once() -> list[dict[str, Any]]:
    """Return a deployment config without steps."""
    found = canary()
    routing = [{"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0}]
    found[0]["blue_green_update_policy"][0]["traffic_routing_configuration"] = routing
    return found


@pytest.mark.parametrize(
    ("config_", "kind", "least", "most", "steps"),
    [
        (canary(10, 600), "canary", 15, 60, ((0, 0), (0, 10), (10, 10), (10, 100))),
        (linear(50, 120), "linear", 9, 60, ((0, 0), (0, 50), (2, 50), (2, 100))),
        (rolling(40, 60), "rolling", 3, 50, ((0, 0), (0, 40), (1, 40), (1, 80), (2, 80), (2, 100))),
        (rolling(2, 60, "INSTANCE_COUNT"), "rolling", 1, 50, ()),
        (at_once(), "all_at_once", 5, 60, ((0, 0), (0, 100))),
        ([], "all_at_once", 0, None, ((0, 0), (0, 100))),
    ],
    ids=["canary", "linear", "rolling", "rolling by instances", "at once", "none"],
)
def test_minutes_and_steps(config_: Any, kind: str, least: float, most: float | None, steps: Any) -> None:
    found = traffic.traffic(traffic.deployment({"deployment_config": config_}))
    assert (found.kind, found.minutes_least, found.minutes_most, found.steps) == (kind, least, most, steps)
    assert found.text


@pytest.mark.parametrize(
    ("after", "faster"),
    [
        (canary(10, 600), False),
        (canary(5, 900), False),
        (canary(50, 600), True),
        (canary(10, 60), True),
        (linear(10, 600), False),
        (at_once(), True),
        (rolling(10, 600), True),
    ],
)
def test_less_cautious_deployments_are_told(after: Any, faster: bool) -> None:
    found = rules_of(reviewed(*moved(deployment_config=after)))
    assert ("deployment-faster" in found) is faster
    assert "guardrails-void" not in found


def test_a_return_may_be_fast() -> None:
    """modules/model-endpoint moves a return at once, and only the abort alarm may undo it."""
    back = at_once()
    back[0]["auto_rollback_configuration"] = [{"alarms": [{"alarm_name": "abort"}]}]
    plan = moved(deployment_config=back)
    forth = rules_of(reviewed(*plan))
    assert {"deployment-faster", "alarms-fewer"} <= forth
    returning = {"live": {"value": "r1-0badcafe"}, "returning": {"value": True}}
    found = rules_of(reviewed(*plan, variables=returning))
    assert "revision-returns" in found
    assert not found & {"deployment-faster", "alarms-fewer", "guardrails-void"}


@pytest.mark.parametrize(
    ("variants", "deployment", "rule"),
    [
        ((variant(model_name="fraud-2", instance_type="ml.inf1.xlarge"),), canary(), "guardrails-void"),
        ((variant(model_name="fraud-2"), variant("b")), rolling(10, 600), "deployment-refused"),
        ((variant("other", model_name="fraud-2"),), canary(), "deployment-refused"),
    ],
)
def test_what_sagemaker_does_not_do(variants: Any, deployment: Any, rule: str) -> None:
    found = reviewed(*moved(after=config("fraud-b", *variants), deployment_config=deployment))
    assert rule in rules_of(found)


def test_a_deployment_config_that_is_not_known_is_not_taken_for_none() -> None:
    plan = moved()
    plan[0]["change"]["after"]["deployment_config"] = []
    plan[0]["change"]["after_unknown"] = {"deployment_config": True}
    found = reviewed(*plan)
    assert "known after apply" in found.endpoints[0].traffic.text
    assert "guardrails-void" not in rules_of(found)
    assert "deployment-unresolved" in rules_of(found)
