"""Metrics and their statistics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudwatch.math import Expression, MathError
from sandbox.cloudwatch.metrics import Gathered
from sandbox.cloudwatch.statistics import value_of

from .conftest import World, window


def stat(name: str = "Errors", **more: Any) -> dict[str, Any]:
    return {"Metric": {"Namespace": "AWS/Test", "MetricName": name}, "Period": 60, "Stat": "Sum", **more}


def read(world: World, *queries: dict[str, Any], minutes: int = 60, **more: Any) -> list[dict[str, Any]]:
    found = world.client("cloudwatch").get_metric_data(MetricDataQueries=list(queries), **window(minutes), **more)
    return list(found["MetricDataResults"])


def test_metrics_of_fast_time_are_found_in_a_clients_window(world: World) -> None:
    """An hour of AWS's time passed, and none on the wall clock."""
    for number in range(60):
        world.report(float(number))
        world.clock.move(60)
    (found,) = read(world, {"Id": "m", "MetricStat": stat()}, minutes=30, ScanBy="TimestampAscending")
    assert 28 <= len(found["Values"]) <= 32
    assert found["Values"] == sorted(found["Values"])
    assert found["Values"][-1] == 59.0
    now = datetime.now(UTC)
    assert all(now - timedelta(minutes=32) <= at <= now + timedelta(minutes=2) for at in found["Timestamps"])
    assert all(at.second == 0 for at in found["Timestamps"])


def test_math_over_queries(world: World) -> None:
    for value in (1.0, 3.0):
        world.report(value)
    world.report(8.0, "Requests")
    (share,) = read(
        world,
        {"Id": "errors", "MetricStat": stat(), "ReturnData": False},
        {"Id": "requests", "MetricStat": stat("Requests"), "ReturnData": False},
        {"Id": "share", "Expression": "errors / requests * 100", "Label": "share of errors"},
    )
    assert (share["Id"], share["Label"], share["Values"]) == ("share", "share of errors", [50.0])


def test_statistics_and_percentiles(world: World) -> None:
    for value in range(1, 101):
        world.report(float(value))
    cloudwatch = world.client("cloudwatch")
    about = {"Namespace": "AWS/Test", "MetricName": "Errors", "Period": 3600, **window(600)}
    plain = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    (point,) = cloudwatch.get_metric_statistics(Statistics=plain, **about)["Datapoints"]
    assert [point[name] for name in plain] == [100.0, 5050.0, 50.5, 1.0, 100.0]
    (point,) = cloudwatch.get_metric_statistics(ExtendedStatistics=["p50", "p99"], **about)["Datapoints"]
    assert point["ExtendedStatistics"] == {"p50": 50.0, "p99": 99.0}
    with pytest.raises(ClientError, match="exceeds the limit"):
        cloudwatch.get_metric_statistics(Statistics=["Sum"], **{**about, "Period": 1})


def test_put_metric_data(world: World) -> None:
    cloudwatch = world.client("cloudwatch")
    dimensions = [{"Name": "shop", "Value": "a"}]
    wall = datetime.now(UTC)
    world.clock.move(7200)
    cloudwatch.put_metric_data(
        Namespace="Mine",
        MetricData=[
            {"MetricName": "x", "Dimensions": dimensions, "Values": [1.0, 2.0], "Counts": [3.0, 1.0], "Unit": "Count"},
            {"MetricName": "x", "Dimensions": dimensions, "Timestamp": wall, "Value": 5.0, "Unit": "Count"},
            {"MetricName": "y", "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}},
        ],
    )
    about = {"Namespace": "Mine", "Period": 86400, **window(1440 * 2)}
    points = cloudwatch.get_metric_statistics(
        MetricName="x", Dimensions=dimensions, Statistics=["Sum", "SampleCount"], **about
    )["Datapoints"]
    assert (sum(one["Sum"] for one in points), sum(one["SampleCount"] for one in points)) == (10.0, 5.0)
    assert not cloudwatch.get_metric_statistics(MetricName="x", Statistics=["Sum"], **about)["Datapoints"]
    (point,) = cloudwatch.get_metric_statistics(MetricName="y", Statistics=["Average", "Maximum"], **about)[
        "Datapoints"
    ]
    assert (point["Average"], point["Maximum"]) == (2.5, 4.0)
    (point,) = cloudwatch.get_metric_statistics(MetricName="y", ExtendedStatistics=["p90"], **about)["Datapoints"]
    assert point["ExtendedStatistics"] == {}  # nobody knows the single values


@pytest.mark.parametrize(
    "datum",
    [
        {"MetricName": "x"},
        {"MetricName": "x", "Value": 1.0, "Values": [1.0]},
        {"MetricName": "x", "Values": [1.0], "Counts": [1.0, 2.0]},
        {"MetricName": "x", "Value": float("nan")},
        {"MetricName": "x", "Value": 1.0, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
)
def test_data_that_is_refused(world: World, datum: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidParameter"):
        world.client("cloudwatch").put_metric_data(Namespace="Mine", MetricData=[datum])
    with pytest.raises(ClientError, match="AWS/"):
        world.client("cloudwatch").put_metric_data(
            Namespace="AWS/SageMaker", MetricData=[{"MetricName": "x", "Value": 1.0}]
        )


def test_list_metrics(world: World) -> None:
    world.report(1.0, EndpointName="a", VariantName="v0")
    world.report(1.0, EndpointName="b", VariantName="v0")
    world.report(1.0)
    cloudwatch = world.client("cloudwatch")
    assert len(cloudwatch.list_metrics(Namespace="AWS/Test")["Metrics"]) == 3
    (found,) = cloudwatch.list_metrics(Dimensions=[{"Name": "EndpointName", "Value": "a"}])["Metrics"]
    assert found["MetricName"] == "Errors"
    assert len(cloudwatch.list_metrics(Dimensions=[{"Name": "EndpointName"}])["Metrics"]) == 2
    world.clock.move(4 * 3600)
    assert not cloudwatch.list_metrics(RecentlyActive="PT3H")["Metrics"]


A, B = {0: 1.0, 60: 2.0, 120: 4.0}, {60: 10.0, 120: 0.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b", {60: 12.0, 120: 4.0}),
        ("a / b", {60: 0.2}),
        ("2 * (a - 1) ^ 2", {0: 0.0, 60: 2.0, 120: 18.0}),
        ("-a", {0: -1.0, 60: -2.0, 120: -4.0}),
        ("a > 1 AND b > 1", {60: 1.0, 120: 0.0}),
        ("a == 1 || a == 4", {0: 1.0, 60: 0.0, 120: 1.0}),
        ("SUM([a, b])", {0: 1.0, 60: 12.0, 120: 4.0}),
        ("SUM(METRICS())", {0: 1.0, 60: 12.0, 120: 4.0}),
        ("AVG(a)", 7 / 3),
        ("MAX(a) - MIN(a)", 3.0),
        ("FILL(b, 7)", {0: 7.0, 60: 10.0, 120: 0.0}),
        ("FILL(b, REPEAT)", {60: 10.0, 120: 0.0}),
        ("IF(a > 1, b, 0)", {0: 0.0, 60: 10.0, 120: 0.0}),
        ("IF(a > 1, b)", {60: 10.0, 120: 0.0}),
        ("DIFF(a)", {60: 1.0, 120: 2.0}),
        ("RATE(a) * PERIOD(a)", {60: 1.0, 120: 2.0}),
        ("RUNNING_SUM(a)", {0: 1.0, 60: 3.0, 120: 7.0}),
        ("CEIL(a / 3)", {0: 1.0, 60: 1.0, 120: 2.0}),
        ("10 / 4", 2.5),
    ],
)
def test_expressions(text: str, value: Any) -> None:
    found = Expression(text).value({"a": A, "b": B}, moments=[0, 60, 120], period=60)
    assert found == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "a +", "a b", "NOPE(a)", "IF(a)", "1 / 0", "c", "a @ b", "(" * 99 + "a" + ")" * 99]
)
def test_expressions_that_are_none(text: str) -> None:
    with pytest.raises(MathError):
        Expression(text).value({"a": A, "b": B}, moments=[0, 60, 120], period=60)


def test_trimmed_statistics() -> None:
    gathered = Gathered()
    for value in range(1, 11):
        gathered.add(float(value))
    assert value_of(gathered, "tm90") == 5.0
    assert value_of(gathered, "tc90") == 9.0
    assert value_of(gathered, "ts90") == 45.0
    assert value_of(gathered, "wm90") == 5.4
    assert value_of(gathered, "TM(10%:90%)") == 5.5
    assert value_of(gathered, "p0") == 1.0
    assert value_of(Gathered(), "p50") is None
