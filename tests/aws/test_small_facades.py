"""Functions, alarms and scaling targets: small answers, read right."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from glue.aws.alarms import Alarm, Alarms
from glue.aws.autoscaling import Autoscaling, ScalingTarget
from glue.aws.errors import Where
from glue.aws.functions import Functions
from glue.errors import AccessDeniedError, NotFoundError

WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
Make = Callable[[str], tuple[Any, Stubber, Where]]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[tuple[Any, Stubber]] = []

    def client(service: str) -> tuple[Any, Stubber, Where]:
        create: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x").client
        one = create(service, region_name="eu-west-1")
        stub = Stubber(one)
        stub.activate()
        made.append((one, stub))
        return one, stub, Where("222222222222", "eu-west-1", "arn:role", service)

    yield client
    for one, stub in made:
        stub.assert_no_pending_responses()
        one.close()


@pytest.mark.parametrize(
    ("raw", "failed", "payload", "error"),
    [
        (b'{"score": 1}', None, {"score": 1}, None),
        (b"", None, None, None),
        (b"not json", None, "not json", None),
        (
            b'{"errorType": "KeyError", "errorMessage": "q"}',
            "Unhandled",
            {"errorType": "KeyError", "errorMessage": "q"},
            "KeyError: q",
        ),
        (b"killed", "Unhandled", "killed", "Unhandled: killed"),
    ],
)
def test_a_function_answers_or_says_what_it_raised(
    raw: bytes, failed: str | None, payload: object, error: str | None, make: Make
) -> None:
    client, stub, where = make("lambda")
    answer: dict[str, Any] = {"StatusCode": 200, "Payload": io.BytesIO(raw), "ExecutedVersion": "3"}
    if failed:
        answer["FunctionError"] = failed
    stub.add_response("invoke", answer, {"FunctionName": "f", "Payload": b'{"q": 1}', "Qualifier": "live"})
    found = Functions(client, where=where).invoke("f", {"q": 1}, alias="live")
    assert (found.payload, found.error, found.version) == (payload, error, "3")


def test_a_function_that_is_absent_or_denied(make: Make) -> None:
    client, stub, where = make("lambda")
    stub.add_client_error("invoke", "ResourceNotFoundException", "no", 404)
    stub.add_client_error("invoke", "AccessDeniedException", "no", 403)
    functions = Functions(client, where=where)
    with pytest.raises(NotFoundError, match="function f does not exist"):
        functions.invoke("f", {})
    with pytest.raises(AccessDeniedError, match="AWS denied lambda:InvokeFunction on function f"):
        functions.invoke("f", {})


def test_alarms_of_both_kinds_on_all_pages_by_name(make: Make) -> None:
    client, stub, where = make("cloudwatch")
    asked = {"AlarmNamePrefix": "slipway-qa-", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    first = {"AlarmName": "slipway-qa-b", "StateValue": "ALARM", "StateReason": "errors", "StateUpdatedTimestamp": WHEN}
    second = {"AlarmName": "slipway-qa-a", "StateValue": "OK"}
    stub.add_response("describe_alarms", {"MetricAlarms": [first], "CompositeAlarms": [], "NextToken": "n"}, asked)
    stub.add_response("describe_alarms", {"MetricAlarms": [], "CompositeAlarms": [second]}, {**asked, "NextToken": "n"})
    assert Alarms(client, where=where).with_prefix("slipway-qa-") == (
        Alarm("slipway-qa-a", "OK", "", ""),
        Alarm("slipway-qa-b", "ALARM", "errors", "2026-01-31T12:00:00+00:00"),
    )


def test_scaling_targets_of_the_variants_that_have_one(make: Make) -> None:
    client, stub, where = make("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "MinCapacity": 1,
        "MaxCapacity": 3,
        "RoleARN": "arn:role",
        "CreationTime": WHEN,
        "SuspendedState": {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": False},
    }
    ids = ["endpoint/e/variant/main", "endpoint/e/variant/other"]
    stub.add_response(
        "describe_scalable_targets",
        {"ScalableTargets": [target]},
        {"ServiceNamespace": "sagemaker", "ResourceIds": ids},
    )
    autoscaling = Autoscaling(client, where=where)
    assert autoscaling.targets("e", ["main", "other"]) == (ScalingTarget("e", "main", 1, 3, suspended=True),)
    assert autoscaling.targets("e", []) == ()
