"""Queues and tables' streams as sources of functions.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import DEV, REGION, Account, may, until

READ_QUEUE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
READ_STREAM = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"]
# Tells a queue what it got; what is to fail stands in the records themselves.
TELL = """
import json, os
import boto3
sqs = boto3.client("sqs")

def handle(event, context):
    seen, failed = [], []
    for record in event["Records"]:
        if "body" in record:
            body, name = json.loads(record["body"]), record["messageId"]
        else:
            image = record["dynamodb"].get("NewImage") or {}
            body, name = json.loads(image.get("what", {}).get("S", "{}")), record["dynamodb"]["SequenceNumber"]
            body["event"] = record["eventName"]
        if body.get("raise"):
            raise ValueError("no good")
        if body.get("fail"):
            failed.append({"itemIdentifier": name})
        else:
            seen.append(body)
    sqs.send_message(QueueUrl=os.environ["URL"], MessageBody=json.dumps(seen))
    return {"batchItemFailures": failed}
"""


class Told:
    """A function that tells a queue what it got."""

    def __init__(self, account: Account, name: str) -> None:
        self._account = account
        self.url, _ = account.queue(f"{name}-told")
        self.dead_url, self.dead = account.queue(f"{name}-dead")
        role = account.role(f"{name}-role", "lambda", may([*READ_QUEUE, "sqs:SendMessage"]), may(READ_STREAM))
        self.arn = account.function(name, TELL, role, Environment={"Variables": {"URL": self.url}})

    def all(self, count: int) -> list[Any]:
        """The records that it got, until there are so many."""
        found: list[Any] = []
        while len(found) < count:
            found += self._account.bodies(self.url)[0]
        return found


@pytest.fixture
def told(dev: Account, request: pytest.FixtureRequest) -> Told:
    return Told(dev, request.node.name.replace("test_", "")[:40])


@pytest.fixture
def source(dev: Account) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def make(**settings: Any) -> str:
        made.append(dev("lambda").create_event_source_mapping(**settings)["UUID"])
        return made[-1]

    yield make
    for uuid in made:
        dev("lambda").delete_event_source_mapping(UUID=uuid)


def send(dev: Account, url: str, *bodies: dict[str, Any], **more: Any) -> None:
    entries = [{"Id": str(number), "MessageBody": json.dumps(body), **more} for number, body in enumerate(bodies)]
    assert len(dev("sqs").send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == len(bodies)


def test_batches_of_a_queue_are_deleted(dev: Account, told: Told, source: Callable[..., str]) -> None:
    url, arn = dev.queue("in-1")
    send(dev, url, *({"n": number} for number in range(8)))
    source(EventSourceArn=arn, FunctionName=told.arn, BatchSize=5)
    assert sorted(one["n"] for one in told.all(8)) == list(range(8))
    until(lambda: dev("sqs").receive_message(QueueUrl=url).get("Messages", []) == [])


def test_partial_failures_come_again_and_then_die(dev: Account, told: Told, source: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    url, arn = dev.queue("in-2", RedrivePolicy={"deadLetterTargetArn": told.dead, "maxReceiveCount": 2})
    source(EventSourceArn=arn, FunctionName=told.arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    send(dev, url, {"n": 1}, {"fail": True}, {"n": 2})
    assert sorted(one["n"] for one in told.all(2)) == [1, 2]
    (dead,) = dev.take(told.dead_url)
    assert json.loads(dead["Body"]) == {"fail": True}
    assert dead["Attributes"]["DeadLetterQueueSourceArn"] == arn
    assert dead["Attributes"]["ApproximateReceiveCount"] == "3"


def test_an_error_returns_the_whole_batch(dev: Account, told: Told, source: Callable[..., str]) -> None:
    url, arn = dev.queue("in-3", RedrivePolicy={"deadLetterTargetArn": told.dead, "maxReceiveCount": 1})
    send(dev, url, {"n": 1}, {"raise": True})
    source(EventSourceArn=arn, FunctionName=told.arn, MaximumBatchingWindowInSeconds=5)
    assert len(dev.take(told.dead_url, 2)) == 2
    assert dev.nothing(told.url)


def test_filters_drop_messages_for_good(dev: Account, told: Told, source: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
    url, arn = dev.queue("in-4")
    pattern = json.dumps({"body": {"n": [{"numeric": [">", 1]}]}})
    source(EventSourceArn=arn, FunctionName=told.arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    send(dev, url, {"n": 1}, {"n": 2})
    assert told.all(1) == [{"n": 2}]
    until(lambda: dev("sqs").receive_message(QueueUrl=url).get("Messages", []) == [])


def test_a_role_that_may_not_read_reads_nothing(dev: Account, source: Callable[..., str]) -> None:
    url, arn = dev.queue("in-5")
    role = dev.role("blind", "lambda", may(READ_QUEUE))
    function = dev.function("blind", "def handle(event, context): return None", role)
    uuid = source(EventSourceArn=arn, FunctionName=function)
    dev("iam").delete_role_policy(RoleName="blind", PolicyName="own")
    lambdas = dev("lambda")
    seen = until(
        lambda: lambdas.get_event_source_mapping(UUID=uuid)["LastProcessingResult"], lambda one: "PROBLEM" in one
    )
    assert "sqs:ReceiveMessage" in seen
    with pytest.raises(lambdas.exceptions.InvalidParameterValueException, match="execution role"):
        source(EventSourceArn=dev.queue("in-7")[1], FunctionName=function)
    send(dev, url, {"n": 1})
    assert not dev.nothing(url)


def table(dev: Account, name: str) -> str:
    made = dev("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def put(dev: Account, name: str, key: str, **what: Any) -> None:
    dev("dynamodb").put_item(TableName=name, Item={"id": {"S": key}, "what": {"S": json.dumps(what)}})


def test_a_stream_is_read_in_order_from_its_beginning(dev: Account, told: Told, source: Callable[..., str]) -> None:
    arn = table(dev, "t1")
    for number in range(6):
        put(dev, "t1", "a", n=number)
    dev("dynamodb").delete_item(TableName="t1", Key={"id": {"S": "a"}})
    source(EventSourceArn=arn, FunctionName=told.arn, StartingPosition="TRIM_HORIZON", BatchSize=4)
    seen = told.all(7)
    assert [one.get("n") for one in seen] == [0, 1, 2, 3, 4, 5, None]
    assert [one["event"] for one in seen] == ["INSERT", *["MODIFY"] * 5, "REMOVE"]


def test_latest_begins_with_what_comes(dev: Account, told: Told, source: Callable[..., str]) -> None:
    arn = table(dev, "t2")
    put(dev, "t2", "a", n=1)
    source(EventSourceArn=arn, FunctionName=told.arn, StartingPosition="LATEST")
    put(dev, "t2", "b", n=2)
    assert [one["n"] for one in told.all(1)] == [2]


def test_a_bad_record_is_found_by_halves_and_given_up(dev: Account, told: Told, source: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    arn = table(dev, "t3")
    for number in range(4):
        put(dev, "t3", str(number), **({"raise": True} if number == 2 else {"n": number}))
    source(
        EventSourceArn=arn,
        FunctionName=told.arn,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": told.dead}},
    )
    assert [one["n"] for one in told.all(3)] == [0, 1, 3]
    (left,) = dev.bodies(told.dead_url)
    assert left["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert left["DDBStreamBatchInfo"]["batchSize"] == 1
    assert left["DDBStreamBatchInfo"]["streamArn"] == arn


def test_a_stream_goes_on_at_the_first_failure(dev: Account, told: Told, source: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    arn = table(dev, "t4")
    for number in range(3):
        put(dev, "t4", str(number), **({"fail": True} if number == 1 else {"n": number}))
    source(
        EventSourceArn=arn,
        FunctionName=told.arn,
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": told.dead}},
    )
    (left,) = dev.bodies(told.dead_url)
    assert left["DDBStreamBatchInfo"]["batchSize"] == 2  # the failed one and what came with it
    assert told.all(2)[0]["n"] == 0


def test_sources_that_lambda_refuses(dev: Account, told: Told) -> None:
    client = dev("lambda")
    _, slow = dev.queue("in-6", VisibilityTimeout="1")
    for settings in (
        {"EventSourceArn": slow},  # shorter than the function's timeout
        {"EventSourceArn": told.dead, "BatchSize": 100},  # needs a window
        {"EventSourceArn": told.dead, "FilterCriteria": {"Filters": [{"Pattern": '{"body": 1}'}]}},
        {"EventSourceArn": f"arn:aws:sqs:{REGION}:{DEV}:not-there"},
    ):
        with pytest.raises(client.exceptions.InvalidParameterValueException):
            client.create_event_source_mapping(FunctionName=told.arn, **settings)
