"""The very expressions that modules/model-endpoint puts into its alarms, evaluated on data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html (DIFF, FILL, IF)
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import World, mail

HCL = (Path(__file__).parents[2] / "modules" / "model-endpoint" / "alarms.tf").read_text()
HOUR = 3600


def expressions(kind: str) -> dict[str, str]:
    """The expressions of a kind of alarm by id, with ten requests as minimum."""
    block = HCL.split(f"        {kind} = ", 1)[1].split("\n        }\n", 1)[0]
    found = re.findall(r'id\s*=\s*"(\w+)",\s*expression\s*=\s*"([^\n]*?)"\s*(?:}|\n)', block)
    assert found, block
    return {name: re.sub(r"\$\{[\w.]+\}", "10", text) for name, text in found}


def put(world: World, kind: str, metrics: dict[str, str], *, period: int, threshold: float) -> None:
    """Put the alarm as Terraform does: the last query gives its value."""
    queries: list[dict[str, Any]] = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "AWS/Test", "MetricName": metric}, "Period": period, "Stat": "Sum"},
        }
        for name, metric in metrics.items()
    ]
    queries += [{"Id": name, "Expression": text, "ReturnData": False} for name, text in expressions(kind).items()]
    queries[-1]["ReturnData"] = True
    world.client("cloudwatch").put_metric_alarm(
        AlarmName="kind",
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )


@pytest.mark.parametrize("kind", ["errors_5xx", "errors_4xx"])
def test_a_rate_needs_a_minimum_of_requests(world: World, kind: str) -> None:
    put(world, kind, {"errors": "Errors", "requests": "Requests"}, period=60, threshold=2.0)
    for requests, errors, state in ((2, 1, "OK"), (9, 9, "OK"), (100, 1, "OK"), (100, 2, "ALARM"), (10, 10, "ALARM")):
        for _ in range(requests):
            world.report(1.0, "Requests")
        world.minute(*[1.0] * errors, *[0.0] * (requests - errors))
        assert world.state("kind") == state, (requests, errors)
    for _ in range(3):  # what rang last is looked at as long as nothing newer comes, within the evaluation range
        world.minute()
    assert world.state("kind") == "OK"  # no request, no failure


def hour(world: World, requests: int) -> None:
    """Let an hour pass with so many requests."""
    for _ in range(requests):
        world.report(1.0, "Requests")
    world.clock.move(HOUR - 60)
    world.minute()


def test_callers_that_go_are_missed_against_the_hour_before(world: World) -> None:
    put(world, "invocation_loss", {"requests": "Requests"}, period=HOUR, threshold=80.0)
    for requests, state in (
        (100, "OK"),  # nothing is known of the hour before
        (100, "OK"),
        (21, "OK"),  # 79 per cent less
        (100, "OK"),
        (20, "ALARM"),  # 80 per cent less
        (19, "OK"),  # the loss is an hour ago
        (0, "ALARM"),  # nobody calls: no data at all, which counts as 0 requests
        (0, "OK"),  # nobody called before either
        (9, "OK"),
        (0, "OK"),  # all are gone, but they were only nine
    ):
        hour(world, requests)
        assert world.state("kind") == state, (requests, world.shown("kind")["StateReason"])


def test_the_loss_shows_before_its_hour_is_over(world: World) -> None:
    """An alarm is evaluated each minute, on the hour that ends then."""
    put(world, "invocation_loss", {"requests": "Requests"}, period=HOUR, threshold=80.0)
    for _ in range(120):
        world.minute(*[1.0], name="Requests")
    assert world.state("kind") == "OK"
    quiet = 0
    while world.state("kind") != "ALARM":
        world.minute()
        quiet += 1
        assert quiet <= 60
    assert 45 <= quiet <= 50  # 12 of 60 requests are left


def test_people_hear_once_of_any_number_of_alarms(world: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html."""
    for name in ("one", "two"):
        world.alarm(name, TreatMissingData="notBreaching")
    world.client("cloudwatch").put_composite_alarm(
        AlarmName="all",
        AlarmRule='ALARM("one") OR ALARM("two")',
        AlarmActions=[world.topic],
        OKActions=[world.topic],
    )
    mail(world)
    world.minute(1.0)
    world.minute(1.0)
    assert [one["NewStateValue"] for one in mail(world)] == ["ALARM"]
    for _ in range(3):
        world.minute()
    assert [one["NewStateValue"] for one in mail(world)] == ["OK"]


def test_an_abort_is_seen_within_seconds(world: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/publishingMetrics.html (high resolution)."""
    world.alarm(
        "abort",
        Namespace="Slipway/Deployments",
        MetricName="Abort",
        Dimensions=[{"Name": "EndpointName", "Value": "shop"}],
        Period=10,
        TreatMissingData="notBreaching",
    )
    datum: dict[str, Any] = {
        "MetricName": "Abort",
        "Dimensions": [{"Name": "EndpointName", "Value": "shop"}],
        "Value": 1.0,
        "Timestamp": datetime.now(UTC),
        "StorageResolution": 1,
    }
    world.client("cloudwatch").put_metric_data(Namespace="Slipway/Deployments", MetricData=[datum])
    tick(world)
    assert world.state("abort") == "ALARM"
    for _ in range(3):
        tick(world)
    assert world.state("abort") == "OK"  # half a minute later the next attempt is not stopped by it


def tick(world: World) -> None:
    """Let ten seconds pass."""
    from sandbox.cloudwatch import engine  # noqa: PLC0415

    world.clock.move(10)
    engine.beat()


def test_expressions_of_several_series_are_no_alarm(world: World) -> None:
    with pytest.raises(ClientError, match="Exactly one element"):
        world.client("cloudwatch").put_metric_alarm(
            AlarmName="two",
            Metrics=[
                {"Id": "a", "Expression": "TIME_SERIES(1)"},
                {"Id": "b", "Expression": "TIME_SERIES(2)"},
            ],
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )
