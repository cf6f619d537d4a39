"""Scaling policies and scheduled actions, on a clock that stands still until it is moved.

https://docs.aws.amazon.com/autoscaling/application/userguide/what-is-application-auto-scaling.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudwatch import metrics
from sandbox.scaling import capacity
from sandbox.scaling.schedules import ScheduleError, following

from .conftest import ACCOUNT, REGION, World

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/shop/variant/v0",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


class Fleet:
    """Something with a count, which is there at once."""

    word = "instance count"

    def __init__(self) -> None:
        self.count: int | None = 2
        self.busy = False
        self.refusal = ""

    def desired(self, account_id: str, region: str, resource_id: str) -> int | None:
        assert (account_id, region, resource_id) == (ACCOUNT, REGION, TARGET["ResourceId"])
        return self.count

    def ready(self, account_id: str, region: str, resource_id: str) -> bool:
        return not self.busy

    def change(self, account_id: str, region: str, resource_id: str, count: int, done: capacity.Done) -> None:
        if self.refusal:
            raise ValueError(self.refusal)
        self.count = count
        done(True, "")


@pytest.fixture
def fleet(world: World) -> Fleet:
    """Two instances, of one to ten."""
    made = Fleet()
    capacity.offer(TARGET["ScalableDimension"], made)
    register(world, MinCapacity=1, MaxCapacity=10)
    return made


def register(world: World, **settings: Any) -> None:
    world.client("application-autoscaling").register_scalable_target(**TARGET, **settings)


def track(world: World, **more: Any) -> list[str]:
    """Follow 100 requests a minute for each instance; return the names of the alarms."""
    configuration = {
        "TargetValue": 100.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleOutCooldown": 300,
        "ScaleInCooldown": 600,
        **more,
    }
    configuration = {name: value for name, value in configuration.items() if value is not None}
    policy = world.client("application-autoscaling").put_scaling_policy(
        **TARGET,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )
    return [one["AlarmName"] for one in policy["Alarms"]]


def minutes(world: World, number: int, each: float | None) -> None:
    """Let minutes pass with so many requests for each instance; None: no data at all."""
    where = {"EndpointName": "shop", "VariantName": "v0"}
    for _ in range(number):
        if each is not None:
            metrics.record("AWS/SageMaker", "InvocationsPerInstance", where, each, account_id=ACCOUNT, region=REGION)
        world.minute()


def activities(world: World) -> list[dict[str, Any]]:
    return list(
        world.client("application-autoscaling").describe_scaling_activities(ServiceNamespace="sagemaker")[
            "ScalingActivities"
        ]
    )


def test_the_alarms_of_target_tracking(world: World, fleet: Fleet) -> None:
    high, low = track(world)
    shown = world.shown(high)
    assert (shown["Threshold"], shown["EvaluationPeriods"], shown["ComparisonOperator"]) == (
        100.0,
        3,
        "GreaterThanThreshold",
    )
    assert (shown["MetricName"], shown["Statistic"], shown["Period"]) == ("InvocationsPerInstance", "Sum", 60)
    shown = world.shown(low)
    assert (shown["Threshold"], shown["EvaluationPeriods"]) == (90.0, 15)
    scaling = world.client("application-autoscaling")
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [one["AlarmName"] for one in policy["Alarms"]] == [high, low]
    assert shown["AlarmActions"] == [policy["PolicyARN"]]
    scaling.delete_scaling_policy(**TARGET, PolicyName="load")
    assert not world.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]


def test_scaling_out_follows_the_load(world: World, fleet: Fleet) -> None:
    high, _ = track(world)
    minutes(world, 2, 250.0)
    assert fleet.count == 2  # three minutes, not two
    minutes(world, 1, 250.0)
    assert fleet.count == 5  # 2 * 250 / 100
    newest = activities(world)[0]
    assert newest["Description"] == "Setting desired instance count to 5."
    assert newest["Cause"] == f"monitor alarm {high} in state ALARM triggered policy load"
    assert newest["StatusCode"] == "Successful"


def test_cooldown_lets_only_more_through(world: World, fleet: Fleet) -> None:
    track(world)
    minutes(world, 3, 150.0)
    assert fleet.count == 3
    fleet.count = 2  # somebody took one away
    minutes(world, 1, 150.0)
    assert fleet.count == 2  # within the cooldown, and no more than last time
    minutes(world, 1, 400.0)
    assert fleet.count == 8  # more than last time


def test_maximum_and_minimum(world: World, fleet: Fleet) -> None:
    track(world)
    minutes(world, 3, 5000.0)
    assert fleet.count == 10
    minutes(world, 40, 0.0)
    assert fleet.count == 1


def test_scaling_in_is_slow_and_needs_data(world: World, fleet: Fleet) -> None:
    track(world)
    fleet.count = 4
    minutes(world, 20, None)
    assert fleet.count == 4  # insufficient data is no reason to scale in
    minutes(world, 14, 50.0)
    assert fleet.count == 4
    minutes(world, 1, 50.0)
    assert fleet.count == 2
    minutes(world, 5, 50.0)
    assert fleet.count == 2  # its cooldown
    minutes(world, 6, 50.0)
    assert fleet.count == 1


def test_scale_in_can_be_off_and_scaling_suspended(world: World, fleet: Fleet) -> None:
    assert len(track(world, DisableScaleIn=True)) == 1
    register(world, SuspendedState={"DynamicScalingOutSuspended": True})
    minutes(world, 5, 500.0)
    assert fleet.count == 2
    (target,) = world.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
        "ScalableTargets"
    ]
    assert target["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": True,
        "ScheduledScalingSuspended": False,
    }
    register(world, SuspendedState={"DynamicScalingOutSuspended": False})
    minutes(world, 1, 500.0)
    assert fleet.count == 10


def test_a_busy_endpoint_is_scaled_later_and_a_refusal_is_an_activity(world: World, fleet: Fleet) -> None:
    track(world)
    fleet.busy = True
    minutes(world, 4, 200.0)
    assert (fleet.count, activities(world)) == (2, [])
    fleet.busy, fleet.refusal = False, "no such luck"
    minutes(world, 1, 200.0)
    assert activities(world)[0]["StatusCode"] == "Failed"
    assert "no such luck" in activities(world)[0]["StatusMessage"]


def test_custom_metric(world: World, fleet: Fleet) -> None:
    specification = {"Namespace": "AWS/Test", "MetricName": "Backlog", "Statistic": "Average"}
    track(world, TargetValue=5.0, CustomizedMetricSpecification=specification, PredefinedMetricSpecification=None)
    for _ in range(3):
        world.minute(20.0, name="Backlog")
    assert fleet.count == 8


def test_of_several_policies_all_must_agree_to_scale_in(world: World, fleet: Fleet) -> None:
    """https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html.

    "It scales out if any of the policies are ready to scale out, but scales in only if all are ready to scale in."
    """
    fleet.count = 8
    track(world)
    world.client("application-autoscaling").put_scaling_policy(
        **TARGET,
        PolicyName="processors",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60.0,
            "CustomizedMetricSpecification": {"Namespace": "AWS/Test", "MetricName": "CPU", "Statistic": "Average"},
        },
    )
    for _ in range(20):  # few requests, busy processors
        world.report(60.0, "CPU")
        minutes(world, 1, 10.0)
    assert fleet.count == 8
    for _ in range(15):  # now both are idle, and the processors still need more than the requests do
        world.report(30.0, "CPU")
        minutes(world, 1, 10.0)
    assert fleet.count == 4
    for _ in range(3):  # one is enough to scale out
        world.report(90.0, "CPU")
        minutes(world, 1, 10.0)
    assert fleet.count == 6


def test_the_first_waiting_request_starts_an_instance(world: World, fleet: Fleet) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html (from zero for new requests)."""
    register(world, MinCapacity=0, MaxCapacity=3)
    fleet.count = 0
    policy = steps(world, (0, None, 1), Cooldown=300)
    world.alarm(
        "waiting",
        MetricName="HasBacklogWithoutCapacity",
        Statistic="Average",
        EvaluationPeriods=2,
        TreatMissingData="missing",
        AlarmActions=[policy],
    )
    world.minute(0.0, name="HasBacklogWithoutCapacity")
    world.minute(0.0, name="HasBacklogWithoutCapacity")
    assert (world.state("waiting"), fleet.count) == ("OK", 0)
    world.minute(1.0, name="HasBacklogWithoutCapacity")
    world.minute(1.0, name="HasBacklogWithoutCapacity")
    assert (world.state("waiting"), fleet.count) == ("ALARM", 1)
    world.minute(1.0, name="HasBacklogWithoutCapacity")  # metrics are late, and the cooldown keeps it at one
    assert fleet.count == 1


def steps(world: World, *adjustments: tuple[float | None, float | None, int], **more: Any) -> str:
    wanted = []
    for low, high, amount in adjustments:
        step: dict[str, Any] = {"ScalingAdjustment": amount}
        if low is not None:
            step["MetricIntervalLowerBound"] = low
        if high is not None:
            step["MetricIntervalUpperBound"] = high
        wanted.append(step)
    configuration = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": wanted, "Cooldown": 0, **more}
    return str(
        world.client("application-autoscaling").put_scaling_policy(
            **TARGET, PolicyName="steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=configuration
        )["PolicyARN"]
    )


@pytest.mark.parametrize(("value", "count"), [(9.0, 2), (10.0, 3), (19.9, 3), (20.0, 5), (30.0, 5)])
def test_steps(world: World, fleet: Fleet, value: float, count: int) -> None:
    arn = steps(world, (0, 10, 1), (10, None, 3))
    world.alarm(Threshold=10.0, Statistic="Maximum", AlarmActions=[arn])
    world.minute(value)
    assert fleet.count == count


@pytest.mark.parametrize(
    ("settings", "amount", "count"),
    [
        ({"AdjustmentType": "ExactCapacity"}, 7, 7),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 80, 3),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 175, 5),
        ({"AdjustmentType": "PercentChangeInCapacity", "MinAdjustmentMagnitude": 2}, 10, 4),
        ({"AdjustmentType": "PercentChangeInCapacity"}, -50, 1),
        ({"AdjustmentType": "ChangeInCapacity"}, 50, 10),
    ],
)
def test_adjustments(world: World, fleet: Fleet, settings: dict[str, Any], amount: int, count: int) -> None:
    world.alarm(AlarmActions=[steps(world, (0, None, amount), **settings)])
    world.minute(1.0)
    assert fleet.count == count


def test_steps_go_on_while_the_alarm_rings(world: World, fleet: Fleet) -> None:
    """Unlike other actions: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html."""
    world.alarm(AlarmActions=[steps(world, (0, None, 1), Cooldown=120)])
    for count in (3, 3, 4, 4, 5):
        world.minute(1.0)
        assert fleet.count == count


def test_minimum_is_kept_at_registration(world: World, fleet: Fleet) -> None:
    register(world, MinCapacity=4)
    assert (fleet.count, activities(world)[0]["Cause"]) == (4, "minimum capacity was set to 4")
    register(world, MinCapacity=1, MaxCapacity=3)
    assert fleet.count == 3
    with pytest.raises(ClientError, match="Maximum capacity"):
        register(world, MinCapacity=4, MaxCapacity=3)


def test_scheduled_actions(world: World, fleet: Fleet) -> None:
    """https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html."""
    scaling = world.client("application-autoscaling")
    due = world.clock.now() + timedelta(hours=1)
    scaling.put_scheduled_action(
        **TARGET,
        ScheduledActionName="morning",
        Schedule=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 5, "MaxCapacity": 6},
    )
    (shown,) = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    assert shown["ScalableTargetAction"] == {"MinCapacity": 5, "MaxCapacity": 6}
    world.clock.move(3601)
    settled(fleet, 5)
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (5, 6)
    scaling.put_scheduled_action(
        **TARGET, ScheduledActionName="often", Schedule="rate(1 hour)", ScalableTargetAction={"MinCapacity": 6}
    )
    world.clock.move(3601)
    settled(fleet, 6)
    scaling.delete_scheduled_action(**TARGET, ScheduledActionName="often")
    for schedule in ("never", "at(tomorrow)", "cron(99 * * * ? *)", "rate(0 minutes)"):
        with pytest.raises(ClientError, match="ValidationException"):
            scaling.put_scheduled_action(
                **TARGET, ScheduledActionName="x", Schedule=schedule, ScalableTargetAction={"MinCapacity": 1}
            )


def settled(fleet: Fleet, count: int) -> None:
    from .conftest import until  # noqa: PLC0415

    until(lambda: fleet.count, lambda seen: seen == count)


def test_deregistration_takes_everything_along(world: World, fleet: Fleet) -> None:
    track(world)
    scaling = world.client("application-autoscaling")
    scaling.deregister_scalable_target(**TARGET)
    assert not scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert not world.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        track(world)


NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("expression", "zone", "wanted"),
    [
        ("at(2026-11-21T12:30:00)", "UTC", "2026-11-21T12:30"),
        ("at(2026-11-21T13:30:00)", "Europe/Berlin", "2026-11-21T12:30"),
        ("at(2026-11-21T11:00:00)", "UTC", None),
        ("rate(5 minutes)", "UTC", "2026-11-21T12:05"),
        ("cron(0 18 * * ? *)", "UTC", "2026-11-21T18:00"),
        ("cron(0 9 ? * MON-FRI *)", "UTC", "2026-11-23T09:00"),
        ("cron(0 9 ? * 2-6 *)", "Europe/Berlin", "2026-11-23T08:00"),
        ("cron(*/20 12 * * ? *)", "UTC", "2026-11-21T12:20"),
        ("cron(0 0 L * ? *)", "UTC", "2026-11-30T00:00"),
        ("cron(0 0 ? * MON#1 *)", "UTC", "2026-12-07T00:00"),
        ("cron(0 0 ? * 6L *)", "UTC", "2026-11-27T00:00"),
        ("cron(0 0 1W * ? *)", "UTC", "2026-12-01T00:00"),
        ("cron(0 0 1 1 ? 2027)", "UTC", "2027-01-01T00:00"),
        ("cron(0 0 30 2 ? *)", "UTC", None),
    ],
)
def test_when_it_is_due(expression: str, zone: str, wanted: str | None) -> None:
    found = following(expression, NOON, zone=zone, begin=NOON)
    assert (f"{found:%Y-%m-%dT%H:%M}" if found else None) == wanted


@pytest.mark.parametrize("expression", ["cron(* * *)", "rate(1 week)", "at(noon)", "cron(a * * * ? *)", "x"])
def test_malformed_schedules(expression: str) -> None:
    with pytest.raises(ScheduleError):
        following(expression, NOON)
