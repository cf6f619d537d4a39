"""What a killed run left behind is found by its planned name, with the tags that prove whose it is."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from glue.aws.accounts import Accounts
from glue.aws.existing import Existing, Found

from .conftest import DEV, REGION, Estate

HERE = f"{REGION}:{DEV}"
NAME = "slipway-dev-training-killed"  # beside the queue that other tests make
TAGS = {"environment": "dev", "root": "terraform/foundation"}
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]
ROLE = f"arn:aws:iam::{DEV}:role/{NAME}-left"
SOURCE = f"arn:aws:sqs:{HERE}:{NAME}-left"
FUNCTION = f"arn:aws:lambda:{HERE}:function:{NAME}-left"
ABSENT: dict[str, dict[str, Any]] = {
    "aws_dynamodb_table": {"name": f"{NAME}-none"},
    "aws_lambda_event_source_mapping": {"event_source_arn": SOURCE, "function_name": f"{FUNCTION}-none"},
    "aws_scheduler_schedule": {"group_name": NAME, "name": "none"},
    "aws_scheduler_schedule_group": {"name": f"{NAME}-none"},
}


@pytest.fixture(scope="module")
def existing(estate: Estate) -> Existing:
    return Existing(Accounts().session(estate.dev))


@pytest.fixture(scope="module")
def mapping(estate: Estate) -> Iterator[str]:
    """Make one of each, as Terraform does, and return the mapping's id."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    may = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    iam, queues, functions = (estate.client(name) for name in ("iam", "sqs", "lambda"))
    iam.create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=ROLE.rpartition("/")[2], PolicyName="p", PolicyDocument=_policy(may))
    queues.create_queue(QueueName=SOURCE.rpartition(":")[2])
    functions.create_function(
        FunctionName=f"{NAME}-left", Role=ROLE, Runtime="python3.11", Handler="x.y", Code={"ZipFile": _zip()}, Tags=TAGS
    )
    made = functions.create_event_source_mapping(EventSourceArn=SOURCE, FunctionName=FUNCTION, Enabled=False)
    estate.client("dynamodb").create_table(
        TableName=NAME,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "JobId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "JobId", "KeyType": "HASH"}],
        Tags=PAIRS,
    )
    schedules = estate.client("scheduler")
    schedules.create_schedule_group(Name=NAME, Tags=PAIRS)
    schedules.create_schedule(
        GroupName=NAME,
        Name="launch",
        State="DISABLED",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": FUNCTION, "RoleArn": ROLE},
    )
    yield str(made["UUID"])
    functions.delete_event_source_mapping(UUID=made["UUID"])
    schedules.delete_schedule(GroupName=NAME, Name="launch")


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _zip() -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("x.py", "def y(event, context):\n    return event\n")
    return package.getvalue()


def test_parts_of_a_training_queue_are_found(existing: Existing, mapping: str) -> None:
    assert {kind: existing.find(kind, values) for kind, values in _made().items()} == {
        "aws_dynamodb_table": Found(NAME, TAGS),
        "aws_lambda_event_source_mapping": Found(mapping, TAGS),
        "aws_scheduler_schedule": Found(f"{NAME}/launch", TAGS),
        "aws_scheduler_schedule_group": Found(NAME, TAGS),
    }


def _made() -> dict[str, dict[str, Any]]:
    return {
        "aws_dynamodb_table": {"name": NAME},
        "aws_lambda_event_source_mapping": {"event_source_arn": SOURCE, "function_name": FUNCTION},
        "aws_scheduler_schedule": {"group_name": NAME, "name": "launch"},
        "aws_scheduler_schedule_group": {"name": NAME},
    }


@pytest.mark.usefixtures("mapping")
@pytest.mark.parametrize("kind", ABSENT)
def test_what_is_not_there_is_absent_and_no_error(existing: Existing, kind: str) -> None:
    assert existing.find(kind, ABSENT[kind]) is None


def test_what_the_plan_does_not_know_yet_is_not_looked_up(existing: Existing) -> None:
    assert existing.find("aws_lambda_event_source_mapping", {"batch_size": 10}) is None
