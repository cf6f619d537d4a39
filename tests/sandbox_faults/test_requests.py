"""Each kind of fault on requests, as an unmodified client meets it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    FlexibleChecksumError,
    IncompleteReadError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

from sandbox import faults

from .conftest import Client, Set, hits

BUCKET = "faulty"
# service, operation, how it is called, what the service says when it throttles, with which status
THROTTLED = [
    ("s3", "ListBuckets", lambda s: s.list_buckets(), "SlowDown", 503),
    ("sagemaker", "ListModels", lambda s: s.list_models(), "ThrottlingException", 400),
    ("dynamodb", "ListTables", lambda s: s.list_tables(), "ProvisionedThroughputExceededException", 400),
    ("lambda", "ListFunctions", lambda s: s.list_functions(), "TooManyRequestsException", 429),
    ("iam", "ListRoles", lambda s: s.list_roles(), "Throttling", 400),
    ("sts", "GetCallerIdentity", lambda s: s.get_caller_identity(), "Throttling", 400),
    ("sns", "ListTopics", lambda s: s.list_topics(), "Throttled", 429),
    ("sqs", "ListQueues", lambda s: s.list_queues(), "RequestThrottled", 403),
    ("ec2", "DescribeVpcs", lambda s: s.describe_vpcs(), "RequestLimitExceeded", 503),
    ("cloudwatch", "DescribeAlarms", lambda s: s.describe_alarms(), "ThrottlingException", 400),
    ("ecr", "DescribeRepositories", lambda s: s.describe_repositories(), "ThrottlingException", 400),
]
INTERNAL = {
    "s3": "InternalError",
    "sagemaker": "InternalFailure",
    "dynamodb": "InternalServerError",
    "lambda": "ServiceException",
    "iam": "ServiceFailure",
    "sts": "InternalFailure",
    "sns": "InternalError",
    "sqs": "InternalFailure",
    "ec2": "InternalError",
    "cloudwatch": "InternalServiceError",
    "ecr": "ServerException",
}
IDS = [row[0] for row in THROTTLED]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    return str(answer["Error"]["Code"]), int(answer["ResponseMetadata"]["HTTPStatusCode"])


@pytest.fixture(scope="module")
def bucket(client: Client) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=BUCKET, Key="big", Body=b"0123456789" * 30_000)
    return s3


@pytest.mark.parametrize(("service", "operation", "ask", "code", "status"), THROTTLED, ids=IDS)
def test_each_service_throttles_in_its_own_words(
    client: Client, fault: Set, service: str, operation: str, ask: Any, code: str, status: int
) -> None:
    one = fault("throttle", match={"service": service, "operation": operation}, times=1)
    with pytest.raises(ClientError) as error:
        ask(client(service))
    assert code_of(error) == (code, status)
    ask(client(service))
    assert hits(one) == 1


@pytest.mark.parametrize("row", THROTTLED, ids=IDS)
def test_a_client_that_retries_gets_through(client: Client, fault: Set, row: Any) -> None:
    service, operation, ask, code, _ = row
    one = fault("throttle", match={"service": service, "operation": operation}, times=1)
    answer = ask(client(service, attempts=3))
    assert answer["ResponseMetadata"]["RetryAttempts"] == hits(one) == 1, code


@pytest.mark.parametrize("row", THROTTLED, ids=IDS)
def test_each_service_has_its_own_internal_error(client: Client, fault: Set, row: Any) -> None:
    service, operation, ask, _, _ = row
    one = fault("error", match={"service": service, "operation": operation}, times=2)
    with pytest.raises(ClientError) as error:
        ask(client(service))
    assert code_of(error) == (INTERNAL[service], 500)
    answer = ask(client(service, attempts=3))
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert hits(one) == 2


def test_a_service_is_unavailable(client: Client, fault: Set) -> None:
    fault("error", match={"service": "s3"}, effect={"status": 503}, times=1)
    with pytest.raises(ClientError) as error:
        client("s3").list_buckets()
    assert code_of(error) == ("ServiceUnavailable", 503)


def test_a_hang_up_before_the_work_does_nothing(client: Client, fault: Set, bucket: Any) -> None:
    fault("timeout", match={"service": "s3", "operation": "PutObject"}, effect={"hold_s": 0.2}, times=1)
    began = time.monotonic()
    with pytest.raises(ConnectionClosedError):
        bucket.put_object(Bucket=BUCKET, Key="never", Body=b"x")
    assert time.monotonic() - began >= 0.2
    assert [one["Key"] for one in bucket.list_objects_v2(Bucket=BUCKET, Prefix="never").get("Contents", [])] == []


def test_a_hang_up_after_the_work_loses_the_answer_only(client: Client, fault: Set, bucket: Any) -> None:
    effect = {"when": "after", "hold_s": 0.1}
    fault("timeout", match={"service": "s3", "operation": "PutObject"}, effect=effect, times=1)
    with pytest.raises(ConnectionClosedError):
        bucket.put_object(Bucket=BUCKET, Key="done", Body=b"x", IfNoneMatch="*")
    with pytest.raises(ClientError) as error:  # the second try meets the first
        bucket.put_object(Bucket=BUCKET, Key="done", Body=b"x", IfNoneMatch="*")
    assert code_of(error) == ("PreconditionFailed", 412)


def test_an_answer_of_moto_can_be_lost_too(client: Client, fault: Set) -> None:
    fault(
        "timeout", match={"operation": "CreateQueue", "service": "sqs"}, effect={"when": "after", "hold_s": 0}, times=1
    )
    with pytest.raises(ConnectionClosedError):
        client("sqs").create_queue(QueueName="made-anyway")
    assert client("sqs").get_queue_url(QueueName="made-anyway")["QueueUrl"]


def test_an_answer_comes_late(client: Client, fault: Set) -> None:
    fault("slow", match={"service": "sts"}, effect={"ms": 300}, times=1)
    sts = client("sts")
    began = time.monotonic()
    sts.get_caller_identity()
    late = time.monotonic() - began
    began = time.monotonic()
    sts.get_caller_identity()
    assert late >= 0.3 > time.monotonic() - began


def test_what_a_fault_holds_goes_on_when_it_is_taken_back(client: Client, fault: Set) -> None:
    fault("slow", id="held", match={"service": "sts"}, effect={"ms": 60_000}, times=1)
    sts, began = client("sts"), time.monotonic()
    timer = threading.Timer(0.3, lambda: faults.registry().clear("held"))
    timer.start()
    sts.get_caller_identity()
    timer.join()
    assert 0.3 <= time.monotonic() - began < 30


def test_an_answer_breaks_off(client: Client, fault: Set, bucket: Any) -> None:
    fault("cut", match={"service": "s3", "operation": "GetObject"}, times=1)
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        bucket.get_object(Bucket=BUCKET, Key="big")["Body"].read()
    assert len(bucket.get_object(Bucket=BUCKET, Key="big")["Body"].read()) == 300_000


def test_a_short_answer_breaks_off(client: Client, fault: Set) -> None:
    one = fault("cut", match={"service": "sts", "operation": "GetCallerIdentity"}, times=1)
    with pytest.raises(ResponseParserError, match="retries may succeed"):
        client("sts").get_caller_identity()
    assert client("sts").get_caller_identity()["Account"] == "111111111111"
    assert hits(one) == 1


def test_a_wrong_bit_is_found_by_the_checksum(client: Client, fault: Set, bucket: Any) -> None:
    bucket.put_object(Bucket=BUCKET, Key="summed", Body=b"abc" * 1000, ChecksumAlgorithm="SHA256")
    fault("corrupt", match={"service": "s3", "operation": "GetObject", "resource": f"{BUCKET}/summed"}, times=1)
    with pytest.raises(FlexibleChecksumError):
        bucket.get_object(Bucket=BUCKET, Key="summed", ChecksumMode="ENABLED")["Body"].read()
    assert bucket.get_object(Bucket=BUCKET, Key="summed", ChecksumMode="ENABLED")["Body"].read() == b"abc" * 1000


@pytest.mark.parametrize("seconds", [1800, -1800])
def test_a_skewed_clock_refuses_what_was_signed_by_another(client: Client, fault: Set, seconds: int) -> None:
    fault("skew", match={"service": "s3"}, effect={"seconds": seconds})
    with pytest.raises(ClientError) as error:
        client("s3").list_buckets()
    assert code_of(error) == ("RequestTimeTooSkewed", 403)
    date = parsedate_to_datetime(error.value.response["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert abs((date - datetime.now(UTC)).total_seconds() - seconds) < 5


def test_a_skewed_clock_of_a_json_service(client: Client, fault: Set) -> None:
    fault("skew", match={"service": "sagemaker"}, effect={"seconds": 1800})
    with pytest.raises(ClientError, match="Signature expired") as error:
        client("sagemaker").list_models()
    assert code_of(error) == ("InvalidSignatureException", 400)
    client("s3").list_buckets()


def test_a_small_skew_is_only_seen_in_the_date(client: Client, fault: Set) -> None:
    fault("skew", match={"service": "sts"}, effect={"seconds": 120})
    headers = client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    assert 110 < (parsedate_to_datetime(headers["date"]) - datetime.now(UTC)).total_seconds() < 130


@pytest.mark.parametrize(
    ("service", "ask", "expected"),
    [
        ("s3", lambda s: s.list_buckets(), ("AccessDenied", 403)),
        ("sts", lambda s: s.get_caller_identity(), ("AccessDenied", 403)),
        ("sagemaker", lambda s: s.list_models(), ("AccessDeniedException", 400)),
        ("lambda", lambda s: s.list_functions(), ("AccessDeniedException", 403)),
    ],
)
def test_a_denial_names_who_and_what(client: Client, fault: Set, service: str, ask: Any, expected: Any) -> None:
    fault("deny", match={"service": service, "principal": "*:assumed-role/operator/*"}, times=1)
    with pytest.raises(ClientError, match=r"assumed-role/operator/.* is not authorized to perform") as error:
        ask(client(service))
    assert code_of(error) == expected


def test_a_quota_is_used_up(client: Client, fault: Set) -> None:
    message = "The account-level service limit 'ml.g5.xlarge for endpoint usage' is 0 Instances"
    fault("quota", match={"service": "sagemaker", "operation": "CreateEndpoint"}, effect={"message": message}, times=1)
    with pytest.raises(ClientError, match=message) as error:
        client("sagemaker").create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert code_of(error) == ("ResourceLimitExceeded", 400)


def test_another_writer_came_first_in_a_table(client: Client, fault: Set) -> None:
    table = client("dynamodb")
    table.create_table(
        TableName="races",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    one = fault("lost-update", match={"service": "dynamodb", "resource": "races"}, times=1)
    table.put_item(TableName="races", Item={"id": {"S": "free"}})  # has no condition that could fail
    assert hits(one) == 0
    conditional = {
        "TableName": "races",
        "Item": {"id": {"S": "new"}},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    with pytest.raises(ClientError) as error:
        table.put_item(**conditional)
    assert code_of(error) == ("ConditionalCheckFailedException", 400)
    table.put_item(**conditional)


def test_another_writer_came_first_in_a_bucket(client: Client, fault: Set, bucket: Any) -> None:
    fault("lost-update", match={"service": "s3"}, times=1)
    bucket.put_object(Bucket=BUCKET, Key="free", Body=b"x")
    with pytest.raises(ClientError) as error:
        bucket.put_object(Bucket=BUCKET, Key="raced", Body=b"x", IfNoneMatch="*")
    assert code_of(error) == ("PreconditionFailed", 412)


def test_what_nobody_asked_for_stays_as_it_is(client: Client, fault: Set, bucket: Any) -> None:
    fault("throttle", match={"service": "sagemaker"})
    fault("cut", match={"service": "s3", "account": "production"})
    assert len(bucket.get_object(Bucket=BUCKET, Key="big")["Body"].read()) == 300_000
