"""Composite alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloudwatch.rule import RuleError, parse

from .conftest import World, mail

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "with space": "ALARM"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(a)", True),
        ("alarm(a) and ok(b)", True),
        ("ALARM(b) OR INSUFFICIENT_DATA(c)", True),
        ("NOT ALARM(a)", False),
        ("NOT (ALARM(b) OR ALARM(c))", True),
        ("ALARM(b) AND ALARM(b) OR ALARM(a)", True),
        ("ALARM(b) AND (ALARM(b) OR ALARM(a))", False),
        ('ALARM("with space")', True),
        ('ALARM("a")AND OK(b)', True),
        ("TRUE", True),
        ("FALSE OR NOT FALSE", True),
        ("AT_LEAST(2, ALARM, (a, b, c))", False),
        ("AT_LEAST(1, ALARM, (a, b, c))", True),
        ("AT_LEAST(60%, NOT ALARM, (a, b, c))", True),
        ("AT_LEAST(70%, NOT ALARM, (a, b, c))", False),
    ],
)
def test_rules(rule: str, holds: bool) -> None:
    assert parse(rule).holds(lambda name: STATES[name]) is holds


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "ALARM()",
        "ALARM(a",
        "ALARM a",
        "ALARM(a) ALARM(b)",
        "ALARM(a) AND",
        "OR ALARM(a)",
        "RED(a)",
        "AT_LEAST(0, ALARM, (a))",
        "AT_LEAST(1, RED, (a))",
        'ALARM("a)',
        "(" * 500 + "TRUE" + ")" * 500,
        "TRUE " * 5000,
        " OR ".join(f"ALARM(a{n})" for n in range(101)),
    ],
)
def test_malformed_rules(rule: str) -> None:
    with pytest.raises(RuleError):
        parse(rule)


@pytest.fixture
def two(world: World) -> World:
    """Two alarms, and one of both."""
    world.alarm("one", TreatMissingData="notBreaching")
    world.alarm("two", MetricName="Others", TreatMissingData="notBreaching")
    world.alarm("window", MetricName="Window", TreatMissingData="notBreaching")
    world.minute()
    return world


def put(world: World, rule: str = "ALARM(one) AND ALARM(two)", **more: Any) -> None:
    topic = [world.topic]
    world.client("cloudwatch").put_composite_alarm(
        AlarmName="both", AlarmRule=rule, AlarmActions=topic, OKActions=topic, **more
    )


def rang(world: World) -> list[str]:
    return [one["NewStateValue"] for one in mail(world)]


def test_it_follows_its_alarms(two: World) -> None:
    put(two)
    assert two.state("both") == "OK"
    assert rang(two) == ["OK"]
    two.minute(1.0)
    assert (two.state("one"), two.state("both")) == ("ALARM", "OK")
    two.report(1.0, "Others")
    two.minute(1.0)
    assert two.state("both") == "ALARM"
    assert ":alarm:two transitioned to ALARM at " in two.shown("both")["StateReason"]
    assert rang(two) == ["ALARM"]
    for _ in range(3):
        two.minute()
    assert two.state("both") == "OK"


def test_set_alarm_state_reaches_it_at_once(two: World) -> None:
    put(two, "ALARM(one) OR ALARM(two)")
    two.client("cloudwatch").set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="test")
    assert two.state("both") == "ALARM"
    assert rang(two) == ["OK", "ALARM"]


def test_composite_on_composite(two: World) -> None:
    put(two)
    cloudwatch = two.client("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName="outer", AlarmRule="NOT OK(both)")
    assert two.state("outer") == "OK"
    two.report(1.0, "Others")
    two.minute(1.0)
    assert two.state("outer") == "ALARM"
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName="both")["MetricAlarms"]
    assert {one["AlarmName"] for one in children} == {"one", "two"}
    kinds = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])
    assert len(kinds["CompositeAlarms"]) == 2
    assert not kinds["MetricAlarms"]


def test_alarms_go_after_those_that_refer_to_them(two: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html."""
    put(two, **SUPPRESSED)
    cloudwatch = two.client("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName="outer", AlarmRule="NOT OK(both)")
    for names, message in (
        (["one"], "Cannot delete one as there are composite alarm.s. depending on it"),
        (["one", "two"], "Cannot delete one,two as there are composite alarm.s. depending on them"),
        (["window"], "Cannot delete window as"),
        (["both"], "Cannot delete both as"),
        (["both", "outer"], "At most one composite alarm"),
    ):
        with pytest.raises(ClientError, match=message):
            cloudwatch.delete_alarms(AlarmNames=names)
    cloudwatch.delete_alarms(AlarmNames=["outer"])
    cloudwatch.delete_alarms(AlarmNames=["both", "one", "nobody"])
    assert [one["AlarmName"] for one in cloudwatch.describe_alarms()["MetricAlarms"]] == ["two", "window"]


def test_alarms_that_do_not_exist_are_refused(two: World) -> None:
    with pytest.raises(ClientError, match="Alarms that do not exist: three"):
        put(two, "ALARM(three)")
    with pytest.raises(ClientError, match="ActionsSuppressor needs"):
        put(two, ActionsSuppressor="window")
    with pytest.raises(ClientError, match="another type"):
        two.client("cloudwatch").put_composite_alarm(AlarmName="one", AlarmRule="ALARM(two)")


SUPPRESSED: dict[str, Any] = {
    "ActionsSuppressor": "window",
    "ActionsSuppressorWaitPeriod": 120,
    "ActionsSuppressorExtensionPeriod": 180,
}


def settled(world: World) -> World:
    """The composite alarm with a suppressor, in OK, its first notice read."""
    put(world, "ALARM(one)", **SUPPRESSED)
    for _ in range(3):
        world.minute()
    assert rang(world) == ["OK"]
    return world


def test_actions_wait_for_the_suppressor(two: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html."""
    settled(two)
    two.minute(1.0)
    assert two.state("both") == "ALARM"
    assert two.shown("both")["ActionsSuppressedBy"] == "WaitPeriod"
    assert not rang(two)
    two.minute(1.0)
    two.minute(1.0)
    assert rang(two) == ["ALARM"]


def test_a_suppressor_keeps_actions_back_and_for_a_while_longer(two: World) -> None:
    settled(two)
    two.report(1.0, "Window")
    two.minute(1.0)
    two.report(1.0, "Window")
    two.minute(1.0)
    assert two.shown("both")["ActionsSuppressedBy"] == "Alarm"
    while two.state("window") == "ALARM":
        two.minute(1.0)
    assert two.shown("both")["ActionsSuppressedBy"] == "ExtensionPeriod"
    assert not rang(two)
    for _ in range(4):
        two.minute(1.0)
    assert rang(two) == ["ALARM"]
    assert "ActionsSuppressedBy" not in two.shown("both")


def test_what_is_over_before_the_suppressor_is_never_told(two: World) -> None:
    settled(two)
    two.report(1.0, "Window")
    two.minute(1.0)
    for _ in range(3):
        two.report(1.0, "Window")
        two.minute()
    assert two.state("both") == "OK"
    for _ in range(8):
        two.minute()
    assert not rang(two)
