"""What stands around an endpoint, as AWS describes it: every page is read, and what is absent is left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from glue.aws.autoscaling import AutoScaling
from glue.aws.cloudwatch import CloudWatch
from glue.aws.errors import Where
from glue.core.surroundings import Alarm, ScalableTarget, ScalingPolicy, ScheduledAction, Surroundings

WHERE = Where("222222222222", "eu-west-1", "arn:aws:iam::222222222222:role/slipway-qa-promote", "cloudwatch")
WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
NAME = "slipway-qa-ranker"
RESOURCE = f"endpoint/{NAME}/variant/main"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def stubbed(service: str) -> Iterator[tuple[Any, Stubber]]:
    make: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x").client
    client = make(service, region_name="eu-west-1")
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()
    client.close()


@pytest.fixture
def scaling() -> Iterator[tuple[AutoScaling, Stubber]]:
    for client, stub in stubbed("application-autoscaling"):
        yield AutoScaling(client, where=WHERE), stub


@pytest.fixture
def cloudwatch() -> Iterator[tuple[CloudWatch, Stubber]]:
    for client, stub in stubbed("cloudwatch"):
        yield CloudWatch(client, where=WHERE), stub


def of_target(**more: Any) -> dict[str, Any]:
    known = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceId": RESOURCE}
    return {**known, "CreationTime": WHEN, **more}


def test_targets_of_every_page(scaling: tuple[AutoScaling, Stubber]) -> None:
    facade, stub = scaling
    asked = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceIds": [RESOURCE]}
    stub.add_response("describe_scalable_targets", {"ScalableTargets": [], "NextToken": "t"}, asked)
    suspended = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": False}
    entry = of_target(MinCapacity=1, MaxCapacity=3, RoleARN="arn", SuspendedState=suspended)
    stub.add_response("describe_scalable_targets", {"ScalableTargets": [entry]}, {**asked, "NextToken": "t"})
    found = facade.targets(NAME, ("main",))
    assert found == {"main": ScalableTarget("main", 1, 3, ("DynamicScalingInSuspended",))}
    assert facade.targets(NAME, ()) == {}


def test_policies_and_scheduled_actions(scaling: tuple[AutoScaling, Stubber]) -> None:
    facade, stub = scaling
    entries = [
        of_target(PolicyARN="b", PolicyName="b", PolicyType="StepScaling"),
        of_target(
            PolicyARN="a", PolicyName="a", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 20.0},
        ),
    ]  # fmt: skip
    stub.add_response("describe_scaling_policies", {"ScalingPolicies": entries})
    assert facade.policies(NAME, "main") == (
        ScalingPolicy("a", "main", "TargetTrackingScaling", 20.0),
        ScalingPolicy("b", "main", "StepScaling"),
    )
    action = of_target(
        ScheduledActionName="morning", ScheduledActionARN="arn", Schedule="cron(0 7 * * ? *)", Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 2},
    )  # fmt: skip
    stub.add_response("describe_scheduled_actions", {"ScheduledActions": [action]})
    expected = ScheduledAction("morning", "main", "cron(0 7 * * ? *)", "Europe/Berlin", minimum=2)
    assert facade.actions(NAME, "main") == (expected,)


def test_alarms_of_both_kinds_and_those_that_are_gone(cloudwatch: tuple[CloudWatch, Stubber]) -> None:
    facade, stub = cloudwatch
    stub.add_response(
        "describe_alarms",
        {
            "MetricAlarms": [
                {"AlarmName": "a", "StateValue": "ALARM", "StateUpdatedTimestamp": WHEN, "StateReason": "x"}
            ],
            "CompositeAlarms": [{"AlarmName": "c", "StateValue": "INSUFFICIENT_DATA"}],
        },
        {"AlarmNames": ["a", "b", "c"], "AlarmTypes": ["CompositeAlarm", "MetricAlarm"]},
    )
    found = facade.alarms(["c", "b", "a"])
    assert found == {"a": Alarm("a", "ALARM", WHEN.isoformat(), "x"), "c": Alarm("c", "INSUFFICIENT_DATA")}
    assert facade.alarms([]) == {}
    around = Surroundings(guards=("a", "b", "c"), alarms=found)
    assert [alarm.name for alarm in around.ringing] == ["a"]


def history(moment: datetime, summary: str) -> dict[str, Any]:
    return {"AlarmName": "a", "Timestamp": moment, "HistoryItemType": "StateUpdate", "HistorySummary": summary}


def test_when_an_alarm_rang_last(cloudwatch: tuple[CloudWatch, Stubber]) -> None:
    facade, stub = cloudwatch
    second = timedelta(seconds=1)
    items = [
        history(WHEN + 3 * second, "Alarm updated from ALARM to OK"),
        history(WHEN + 2 * second, "Alarm updated from OK to ALARM"),
        history(WHEN + second, "Alarm updated from INSUFFICIENT_DATA to ALARM"),
    ]
    stub.add_response("describe_alarm_history", {"AlarmHistoryItems": items})
    rang = facade.rang("a", after=WHEN.isoformat())
    assert rang is not None
    assert rang.since == (WHEN + 2 * second).isoformat()


def test_what_rang_before_is_not_meant(cloudwatch: tuple[CloudWatch, Stubber]) -> None:
    facade, stub = cloudwatch
    items = [history(WHEN, "Alarm updated from OK to ALARM")]
    stub.add_response("describe_alarm_history", {"AlarmHistoryItems": items})
    assert facade.rang("a", after=WHEN.isoformat()) is None
