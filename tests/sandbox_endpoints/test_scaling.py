"""Endpoints scaled by Application Auto Scaling: real requests, real servers.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import World, until

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/shop/variant/v0",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def scaled(world: World) -> World:
    """An endpoint with one instance, allowed from one to three; the clock is not too fast for real requests."""
    world.endpoint()
    world.client("application-autoscaling").register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=3)
    return world


def counts(world: World) -> tuple[int, int]:
    (variant,) = world.client("sagemaker").describe_endpoint(EndpointName="shop")["ProductionVariants"]
    return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]


def activities(world: World) -> list[dict[str, Any]]:
    found = world.client("application-autoscaling").describe_scaling_activities(ServiceNamespace="sagemaker")
    return list(found["ScalingActivities"])


def test_load_starts_more_real_servers(scaled: World) -> None:
    scaling = scaled.client("application-autoscaling")
    policy = scaling.put_scaling_policy(
        **TARGET,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 2.0,
            "ScaleOutCooldown": 60,
            "ScaleInCooldown": 60,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    names = [one["AlarmName"] for one in policy["Alarms"]]
    assert [name.startswith("TargetTracking-endpoint/shop/variant/v0-Alarm") for name in names] == [True, True]
    first = scaled.invoke()["pid"]

    def press() -> tuple[int, int]:
        for _ in range(5):
            scaled.invoke()
        return counts(scaled)

    until(press, lambda seen: seen == (3, 3), within=30)
    assert {scaled.invoke()["pid"] for _ in range(20)} > {first}  # a second process answers, too
    newest = until(lambda: activities(scaled)[0], lambda one: one["StatusCode"] == "Successful")
    assert newest["Description"] == "Setting desired instance count to 3."
    assert "in state ALARM triggered policy load" in newest["Cause"]
    assert newest["StatusMessage"].endswith("Change successfully fulfilled by sagemaker.")


def test_the_minimum_is_kept_at_once(scaled: World) -> None:
    scaled.client("application-autoscaling").register_scalable_target(**TARGET, MinCapacity=2, MaxCapacity=3)
    until(lambda: counts(scaled), lambda seen: seen == (2, 2))
    assert activities(scaled)[0]["Cause"] == "minimum capacity was set to 2"
    assert len(list((scaled.home / "workloads").glob("*.json"))) == 2


def test_new_instances_need_the_archive(scaled: World) -> None:
    """What was deleted cannot be scaled out any more: the old instance goes on."""
    scaled.client("s3").delete_object(Bucket="artifacts", Key="one.tar.gz")
    scaled.client("application-autoscaling").register_scalable_target(**TARGET, MinCapacity=2, MaxCapacity=3)
    failed = until(lambda: activities(scaled)[0], lambda one: one["StatusCode"] == "Failed")
    assert "Failed to download model data" in failed["StatusMessage"]
    assert counts(scaled) == (1, 1)
    assert scaled.invoke()["model"] == "one"
