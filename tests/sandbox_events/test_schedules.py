"""Schedules of rules and of EventBridge Scheduler on the sandbox's clock.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sandbox import board
from sandbox.events import work

from .conftest import Account, may, until


def test_a_rules_rate(dev: Account) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
    url, queue = dev.queue("ticks", "events")
    events = dev("events")
    arn = events.put_rule(Name="ticks", ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule="ticks", Targets=[{"Id": "1", "Arn": queue}])
    found = dev.bodies(url, 3)
    assert {(one["source"], one["detail-type"], json.dumps(one["detail"])) for one in found} == {
        ("aws.events", "Scheduled Event", "{}")
    }
    assert found[0]["resources"] == [arn]
    assert len({one["time"] for one in found}) == 3
    (shown,) = [one for one in board.snapshot()["parts"]["schedules"] if one["name"] == "ticks"]
    assert (shown["expression"], shown["enabled"], shown["target"]) == ("rate(1 minute)", True, queue)
    assert shown["last"] < shown["next"]
    events.remove_targets(Rule="ticks", Ids=["1"])
    events.delete_rule(Name="ticks")
    with pytest.raises(events.exceptions.ClientError, match="not valid"):
        events.put_rule(Name="bad", ScheduleExpression="rate(1 minutes)")


def schedule(dev: Account, name: str, expression: str, target: dict[str, Any], **more: Any) -> None:
    window = more.pop("FlexibleTimeWindow", {"Mode": "OFF"})
    dev("scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, FlexibleTimeWindow=window, Target=target, **more
    )


def soon(seconds: float = 240) -> str:
    return f"at({work.now() + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S})"


def test_a_schedule_acts_once_as_its_role_and_goes(dev: Account) -> None:
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
    url, queue = dev.queue("once")
    role = dev.role("once-role", "scheduler", may("sqs:SendMessage", queue))
    target = {"Arn": queue, "RoleArn": role, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'}
    schedule(dev, "once", soon(), target, ActionAfterCompletion="DELETE")
    (seen,) = dev.bodies(url)
    assert seen["at"].endswith("Z")
    scheduler = dev("scheduler")
    until(lambda: not scheduler.list_schedules(NamePrefix="once")["Schedules"])


def test_a_role_that_may_not_leaves_a_dead_letter(dev: Account) -> None:
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    _, queue = dev.queue("denied")
    dead_url, dead = dev.queue("denied-dead")
    role = dev.role("denied-role", "scheduler", may("sqs:SendMessage", dead))
    target = {"Arn": queue, "RoleArn": role, "Input": "{}", "DeadLetterConfig": {"Arn": dead}}
    schedule(dev, "denied", soon(), target)
    (letter,) = dev.take(dead_url)
    said = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert said["ERROR_CODE"] == "NO_PERMISSIONS"
    assert said["SCHEDULE_ARN"].endswith(":schedule/default/denied")
    (shown,) = [one for one in board.snapshot()["parts"]["schedules"] if one["name"] == "denied"]
    assert "NO_PERMISSIONS" in shown["last_error"]


def test_a_role_that_does_not_trust_the_scheduler(dev: Account) -> None:
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    url, queue = dev.queue("untrusted")
    role = dev.role("untrusted-role", "lambda", may("sqs:SendMessage"))
    schedule(dev, "untrusted", soon(), {"Arn": queue, "RoleArn": role, "Input": "{}"})
    until(
        lambda: [
            one for one in board.snapshot()["parts"]["schedules"] if one["last_error"] and one["name"] == "untrusted"
        ]
    )
    assert dev.nothing(url)


def test_a_rate_begins_at_once_and_ends_with_its_date(dev: Account) -> None:
    url, queue = dev.queue("rated")
    role = dev.role("rated-role", "scheduler", may("sqs:SendMessage"))
    target = {"Arn": queue, "RoleArn": role, "Input": '{"n": 1}'}
    schedule(dev, "rated", "rate(5 minutes)", target, EndDate=work.now() + timedelta(minutes=12))
    assert dev.bodies(url, 3) == [{"n": 1}] * 3
    (shown,) = [one for one in board.snapshot()["parts"]["schedules"] if one["name"] == "rated"]
    assert shown["next"] is None or shown["last"] is not None


def test_a_schedule_calls_any_operation(dev: Account) -> None:
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    role = dev.role("any-role", "scheduler", may("ssm:PutParameter"))
    value = {"Name": "/scheduled", "Value": "yes", "Type": "String"}
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:ssm:putParameter", "RoleArn": role, "Input": json.dumps(value)}
    schedule(dev, "any", soon(), target)
    ssm = dev("ssm")
    found = until(lambda: ssm.get_parameters(Names=["/scheduled"])["Parameters"])
    assert found[0]["Value"] == "yes"


@pytest.mark.parametrize(
    "more",
    [
        {"ScheduleExpression": "at(tomorrow)"},
        {"ScheduleExpressionTimezone": "Mars/Olympus"},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
    ],
)
def test_schedules_that_are_refused(dev: Account, more: dict[str, Any]) -> None:
    role = f"arn:aws:iam::{dev.id}:role/none"
    settings = {"ScheduleExpression": "rate(5 minutes)", "FlexibleTimeWindow": {"Mode": "OFF"}, **more}
    client = dev("scheduler")
    with pytest.raises(client.exceptions.ValidationException):
        client.create_schedule(Name="bad", Target={"Arn": "arn:aws:sqs:eu-west-1:1:q", "RoleArn": role}, **settings)
