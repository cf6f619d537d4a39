"""Alarms on metrics, evaluated on the clock.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import faults
from sandbox.cloudwatch import engine

from .conftest import ACCOUNT, REGION, World, mail


def test_a_new_alarm_has_insufficient_data(world: World) -> None:
    world.alarm()
    shown = world.shown()
    assert (shown["StateValue"], shown["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert shown["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:errors"
    assert shown["ActionsEnabled"] is True


def test_it_goes_off_and_recovers_with_the_reason(world: World) -> None:
    world.alarm()
    world.minute(0.0)
    assert world.state() == "OK"
    world.minute(1.0, 1.0)
    shown = world.shown()
    assert shown["StateValue"] == "ALARM"
    assert shown["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [2.0 (")
    assert shown["StateReason"].endswith(
        "was greater than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    data = json.loads(shown["StateReasonData"])
    assert (data["recentDatapoints"], data["statistic"], data["period"]) == ([2.0], "Sum", 60)
    world.minute(0.0)
    assert world.state() == "OK"
    assert "was not greater than or equal to the threshold" in world.shown()["StateReason"]


def test_nothing_is_evaluated_before_its_minute_is_over(world: World) -> None:
    world.alarm()
    world.report(5.0)
    world.clock.move(59)
    engine.beat()
    assert world.state() == "INSUFFICIENT_DATA"
    world.clock.move(1)
    engine.beat()
    assert world.state() == "ALARM"


def test_high_resolution(world: World) -> None:
    world.alarm(Period=10)
    world.report(5.0)
    world.clock.move(10)
    engine.beat()
    assert world.state() == "ALARM"


def test_two_out_of_three(world: World) -> None:
    world.alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    for value, state in ((1.0, "OK"), (0.0, "OK"), (1.0, "ALARM"), (0.0, "OK"), (0.0, "OK")):
        world.minute(value)
        assert world.state() == state, value


@pytest.mark.parametrize(
    ("mode", "state"),
    [(None, "INSUFFICIENT_DATA"), ("ignore", "ALARM"), ("breaching", "ALARM"), ("notBreaching", "OK")],
)
def test_when_the_data_ends(world: World, mode: str | None, state: str) -> None:
    world.alarm(TreatMissingData=mode)
    world.minute(1.0)
    assert world.state() == "ALARM"
    for _ in range(3):  # the last data points are looked at for a while
        world.minute()
    assert world.state() == state


@pytest.mark.parametrize(
    ("operator", "quiet", "loud"),
    [
        ("GreaterThanThreshold", 5.0, 5.1),
        ("GreaterThanOrEqualToThreshold", 4.9, 5.0),
        ("LessThanThreshold", 5.0, 4.9),
        ("LessThanOrEqualToThreshold", 5.1, 5.0),
    ],
)
def test_comparison_operators(world: World, operator: str, quiet: float, loud: float) -> None:
    world.alarm(ComparisonOperator=operator, Threshold=5.0, Statistic="Maximum")
    world.minute(quiet)
    assert world.state() == "OK"
    world.minute(loud)
    assert world.state() == "ALARM"


@pytest.mark.parametrize(
    ("statistic", "value"), [("p50", 50.0), ("p99", 99.0), ("p99.9", 100.0), ("tm99", 50.0), ("IQM", 50.5)]
)
def test_percentiles(world: World, statistic: str, value: float) -> None:
    world.alarm(Statistic=None, ExtendedStatistic=statistic, Threshold=value)
    world.alarm("above", Statistic=None, ExtendedStatistic=statistic, Threshold=value + 0.01)
    world.minute(*[float(n) for n in range(1, 101)])
    assert (world.state(), world.state("above")) == ("ALARM", "OK")


def test_percentiles_of_few_samples_can_be_ignored(world: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html."""
    settings: dict[str, Any] = {"Statistic": None, "ExtendedStatistic": "p99", "Threshold": 5.0}
    world.alarm(EvaluateLowSampleCountPercentile="ignore", **settings)
    world.alarm("evaluated", **settings)
    world.minute(*[9.0] * 999)  # p99 wants 10 / (1 - 0.99) samples
    assert (world.state(), world.state("evaluated")) == ("INSUFFICIENT_DATA", "ALARM")
    world.minute(*[9.0] * 1000)
    assert world.state() == "ALARM"


def test_metric_math(world: World) -> None:
    """The share of errors, which no single metric has."""

    def metric(name: str) -> dict[str, Any]:
        return {"Metric": {"Namespace": "AWS/Test", "MetricName": name}, "Period": 60, "Stat": "Sum"}

    queries = [
        {"Id": "rate", "Expression": "IF(requests > 10, 100 * FILL(errors, 0) / requests, 0)", "ReturnData": True},
        {"Id": "errors", "MetricStat": metric("Errors"), "ReturnData": False},
        {"Id": "requests", "MetricStat": metric("Requests"), "ReturnData": False},
    ]
    world.client("cloudwatch").put_metric_alarm(
        AlarmName="rate",
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    for requests, errors, state in ((100, 0, "OK"), (10, 10, "OK"), (100, 6, "ALARM"), (100, 5, "OK")):
        for _ in range(requests):
            world.report(1.0, "Requests")
        world.minute(*[1.0] * errors)
        assert world.state("rate") == state, (requests, errors)
    assert world.shown("rate")["Metrics"][0]["Expression"].startswith("IF(")


def test_dimensions_match_exactly(world: World) -> None:
    dimensions = [{"Name": "EndpointName", "Value": "shop"}]
    world.alarm(Dimensions=dimensions)
    world.report(1.0, EndpointName="shop", VariantName="v0")
    world.minute(1.0)
    assert world.state() == "INSUFFICIENT_DATA"
    world.report(1.0, EndpointName="shop")
    world.minute()
    assert world.state() == "ALARM"


def test_an_update_keeps_the_state_and_set_alarm_state_lasts_until_the_next_evaluation(world: World) -> None:
    world.alarm(TreatMissingData="notBreaching")
    cloudwatch = world.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    world.alarm(Threshold=9.0, TreatMissingData="notBreaching")
    assert (world.state(), world.shown()["StateReason"]) == ("ALARM", "a test")
    world.minute()
    assert world.state() == "OK"


def test_one_that_is_to_ring_rings_at_each_evaluation_until_the_fault_is_taken_back(world: World) -> None:
    world.alarm()
    world.alarm("other")
    world.minute(0.0)
    faults.registry().add([{"id": "red", "kind": "ringing-alarm", "match": {"resource": "errors"}}])
    try:
        for _ in range(2):
            world.minute(0.0)
            assert (world.state(), world.state("other")) == ("ALARM", "OK")
    finally:
        faults.use()
    world.minute(0.0)
    assert world.state() == "OK"


def test_actions_reach_their_topics(world: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html."""
    world.alarm(AlarmActions=[world.topic], OKActions=[world.topic], AlarmDescription="too many")
    world.minute(1.0)
    world.minute(1.0)  # it stays what it is: nobody is told again
    world.minute(0.0)
    rang, recovered = mail(world)
    assert rang["Subject"] == 'ALARM: "errors" in EU (Ireland)'
    assert (rang["OldStateValue"], rang["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert rang["AlarmDescription"] == "too many"
    assert rang["Trigger"]["MetricName"] == "Errors"
    assert rang["Trigger"]["Statistic"] == "SUM"
    assert (recovered["OldStateValue"], recovered["NewStateValue"]) == ("ALARM", "OK")


def test_disabled_actions(world: World) -> None:
    world.alarm(AlarmActions=[world.topic], ActionsEnabled=False)
    world.minute(1.0)
    assert world.state() == "ALARM"
    cloudwatch = world.client("cloudwatch")
    cloudwatch.enable_alarm_actions(AlarmNames=["errors"])
    world.minute(0.0)
    world.minute(1.0)
    assert len(mail(world)) == 1
    cloudwatch.disable_alarm_actions(AlarmNames=["errors"])
    world.minute(0.0)
    world.minute(1.0)
    assert not mail(world)


def test_history(world: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html."""
    gone = f"arn:aws:sns:{REGION}:{ACCOUNT}:gone"
    world.alarm(AlarmActions=[world.topic, gone])
    world.minute(1.0)
    cloudwatch = world.client("cloudwatch")
    cloudwatch.delete_alarms(AlarmNames=["errors"])
    items = cloudwatch.describe_alarm_history(AlarmName="errors", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [one["HistoryItemType"] for one in items] == [
        "ConfigurationUpdate",
        "StateUpdate",
        "Action",
        "Action",
        "ConfigurationUpdate",
    ]
    assert items[1]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    assert items[2]["HistorySummary"] == f"Successfully executed action {world.topic}"
    assert items[3]["HistorySummary"].startswith(f"Failed to execute action {gone}")
    only = cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert json.loads(only[0]["HistoryData"])["newState"]["stateValue"] == "ALARM"


@pytest.mark.parametrize(
    "settings",
    [
        {"Period": 45},
        {"Period": 61},
        {"DatapointsToAlarm": 2},
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
        {"ExtendedStatistic": "p99"},
        {"Statistic": None, "ExtendedStatistic": "p101"},
        {"TreatMissingData": "whatever"},
        {"EvaluationPeriods": 2000},
        {"AlarmActions": ["me"]},
        {"Threshold": None},
    ],
)
def test_what_is_refused(world: World, settings: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        world.alarm(**settings)
    assert not world.client("cloudwatch").describe_alarms()["MetricAlarms"]


@pytest.mark.parametrize(
    "expression", ["errors +", "SEARCH('x', 'Sum')", "nobody * 2", "((errors)", "errors ? 1", "rate + 1"]
)
def test_expressions_that_are_refused(world: World, expression: str) -> None:
    stat = {"Metric": {"Namespace": "AWS/Test", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    settings: dict[str, Any] = {
        "Metrics": [
            {"Id": "errors", "MetricStat": stat, "ReturnData": False},
            {"Id": "rate", "Expression": expression},
        ],
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    with pytest.raises(ClientError, match="ValidationError"):
        world.client("cloudwatch").put_metric_alarm(AlarmName="rate", **settings)


def test_describe_alarms_filters_and_pages(world: World) -> None:
    for name in ("b-one", "a-two", "a-one"):
        world.alarm(name, AlarmActions=[world.topic])
    cloudwatch = world.client("cloudwatch")
    first = cloudwatch.describe_alarms(MaxRecords=2)
    assert [one["AlarmName"] for one in first["MetricAlarms"]] == ["a-one", "a-two"]
    rest = cloudwatch.describe_alarms(MaxRecords=2, NextToken=first["NextToken"])
    assert [one["AlarmName"] for one in rest["MetricAlarms"]] == ["b-one"]
    assert len(cloudwatch.describe_alarms(AlarmNamePrefix="a-")["MetricAlarms"]) == 2
    assert len(cloudwatch.describe_alarms(ActionPrefix="arn:aws:sns")["MetricAlarms"]) == 3
    assert not cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    found = cloudwatch.describe_alarms_for_metric(Namespace="AWS/Test", MetricName="Errors")
    assert len(found["MetricAlarms"]) == 3


def test_tags(world: World) -> None:
    world.alarm(Tags=[{"Key": "owner", "Value": "us"}])
    cloudwatch = world.client("cloudwatch")
    arn = world.shown()["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "owner", "Value": "us"}]


def test_a_topic_that_does_not_let_cloudwatch_in(world: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html."""

    def policy(source: str) -> str:
        return json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "alarms",
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudwatch.amazonaws.com"},
                        "Action": "sns:Publish",
                        "Resource": world.topic,
                        "Condition": {"ArnLike": {"aws:SourceArn": source}},
                    }
                ],
            }
        )

    sns = world.client("sns")
    world.alarm(AlarmActions=[world.topic])
    arn = world.shown()["AlarmArn"]
    for source, sent in ((arn.replace("errors", "others"), 0), (arn, 1)):
        sns.set_topic_attributes(TopicArn=world.topic, AttributeName="Policy", AttributeValue=policy(source))
        world.minute(0.0)
        world.minute(1.0)
        assert len(mail(world)) == sent
    actions = world.client("cloudwatch").describe_alarm_history(AlarmName="errors", HistoryItemType="Action")
    refused = actions["AlarmHistoryItems"][-1]["HistorySummary"]
    assert "not authorized to perform: sns:Publish" in refused


def test_each_change_is_an_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html."""
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr("sandbox.events.bus.emit", lambda *event: sent.append(event))
    world.alarm()
    world.minute(1.0)
    world.minute(1.0)
    ((account, region, source, kind, detail, resources),) = sent
    assert (account, region, source, kind) == (ACCOUNT, REGION, "aws.cloudwatch", "CloudWatch Alarm State Change")
    assert resources == [world.shown()["AlarmArn"]]
    assert (detail["state"]["value"], detail["previousState"]["value"]) == ("ALARM", "INSUFFICIENT_DATA")
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"]["metric"] == {"namespace": "AWS/Test", "name": "Errors", "dimensions": {}}
