"""CloudWatch and Application Auto Scaling of the sandbox on moto in this very process, with a clock that tests turn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox.cloudwatch import engine, metrics
from sandbox.ext import applicationautoscaling, cloudwatch_alarms, cloudwatch_metrics
from sandbox.runtime import clock as clocks
from sandbox.runtime.clock import Clock
from sandbox.settings import Settings

ACCOUNT, REGION = "123456789012", "eu-west-1"


class HandClock(Clock):
    """Stands still until a test moves it, and begins on a whole minute."""

    def __init__(self) -> None:
        wall = datetime.now(UTC).replace(second=0, microsecond=0)
        super().__init__(1.0, start=wall)
        self._passed = 0.0

    def elapsed(self) -> float:
        return self._passed

    def move(self, seconds: float) -> None:
        """Let so many AWS seconds pass."""
        with self._turned:
            self._passed += seconds
            self._turned.notify_all()


@cache
def client(service: str) -> Any:
    session: Any = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return session.client(service)


@dataclass
class World:
    """One account, its clock, and what was sent to its topic."""

    clock: HandClock
    sent: list[dict[str, Any]] = field(default_factory=list)
    topic: str = ""
    queue: str = ""

    def client(self, service: str) -> Any:
        return client(service)

    def report(self, value: float, name: str = "Errors", **dimensions: str) -> None:
        """Report one value of a service's metric, now."""
        metrics.record("AWS/Test", name, dimensions, value, "Count", account_id=ACCOUNT, region=REGION)

    def minute(self, *values: float, name: str = "Errors") -> None:
        """Report values, then let the minute end and the alarms be evaluated."""
        for value in values:
            self.report(value, name)
        self.clock.move(60)
        engine.beat()

    def alarm(self, name: str = "errors", **settings: Any) -> None:
        """Put an alarm: errors of a minute, at least one."""
        defaults = {
            "Namespace": "AWS/Test",
            "MetricName": "Errors",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        merged = {key: value for key, value in {**defaults, **settings}.items() if value is not None}
        self.client("cloudwatch").put_metric_alarm(AlarmName=name, **merged)

    def shown(self, name: str = "errors") -> dict[str, Any]:
        """Describe an alarm of any kind."""
        found = self.client("cloudwatch").describe_alarms(AlarmNames=[name])
        return dict([*found["MetricAlarms"], *found["CompositeAlarms"]][0])

    def state(self, name: str = "errors") -> str:
        return str(self.shown(name)["StateValue"])


def until(read: Callable[[], Any], done: Callable[[Any], bool], *, within: float = 10.0) -> Any:
    """Read until it is done; the last thing read is the message of the failure."""
    deadline = time.monotonic() + within
    while True:
        seen = read()
        if done(seen):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.01)


def window(minutes: int = 60) -> dict[str, datetime]:
    """The last minutes by a client's own clock."""
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(minutes=minutes), "EndTime": now + timedelta(minutes=1)}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account with a topic; what is published to it is kept."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("SANDBOX_IAM", "enforce")
    made = World(HandClock())
    clocks.share(made.clock)
    settings = Settings(home=tmp_path, repository=Path(__file__).parents[2], port=4780, run_id="alarms")
    with mock_aws():
        for extension in (cloudwatch_metrics, cloudwatch_alarms, applicationautoscaling):
            extension.install(settings)
        for timer in cloudwatch_alarms._timers:
            timer.cancel()  # `minute()` evaluates; another evaluation beside it would announce at its own moment
        made.topic = made.client("sns").create_topic(Name="alarms")["TopicArn"]
        sqs = made.client("sqs")
        queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        made.client("sns").subscribe(TopicArn=made.topic, Protocol="sqs", Endpoint=arn)
        made.queue = queue
        yield made
    made.clock.stop()


def mail(world: World) -> list[dict[str, Any]]:
    """Take what was published to the topic: subject and message."""
    found = []
    sqs = world.client("sqs")
    while messages := sqs.receive_message(QueueUrl=world.queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            body = json.loads(message["Body"])
            found.append({"Subject": body["Subject"], **json.loads(body["Message"])})
            sqs.delete_message(QueueUrl=world.queue, ReceiptHandle=message["ReceiptHandle"])
    return found
