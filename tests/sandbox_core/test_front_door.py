"""The front door: what moto lacks is an answer that nobody retries, and every request is written down."""

from __future__ import annotations

import http.client
import json
import logging
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.sns.models import SNSBackend

from sandbox.errors import AwsError, protocol_of, render
from sandbox.iam import enforce
from sandbox.server import Server
from tests.sandbox_core.helpers import refused


@pytest.fixture
def everything_allowed(server: Server) -> Iterator[None]:
    """IAM denies operations that it has no rule for; here is about what comes after it."""
    enforce.use("off")
    yield
    enforce.use(None)


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("cloudwatch", "list_managed_insight_rules", {"ResourceARN": "arn:aws:x"}),  # query or cbor
        ("ssm", "get_calendar_state", {"CalendarNames": ["x"]}),  # json
        ("lambda", "list_code_signing_configs", {}),  # rest-json
        ("route53", "get_checker_ip_ranges", {}),  # rest-xml
        ("iam", "list_service_specific_credentials", {}),  # query
    ],
)
def test_an_action_that_is_not_there_is_said_so_at_once(
    everything_allowed: None,
    caplog: pytest.LogCaptureFixture,
    service: str,
    call: str,
    arguments: dict[str, Any],
) -> None:
    # moto answers 500, which SDKs retry (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html)
    client = boto3.Session(profile_name="dev").client(service)  # with the SDK's own retries
    with caplog.at_level(logging.ERROR), pytest.raises(client.exceptions.ClientError) as caught:
        getattr(client, call)(**arguments)
    response = caught.value.response
    assert response["Error"]["Code"] == "UnknownOperationException"
    assert service in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["ResponseMetadata"]["RetryAttempts"] == 0
    assert "not implemented" in caplog.text
    client.close()


def test_an_exception_inside_is_said_so_at_once(
    client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("in the depths")

    monkeypatch.setattr(SNSBackend, "create_topic", broken)
    with caplog.at_level(logging.ERROR):
        assert refused(client("sns").create_topic, Name="t") == ("InternalFailureInSandbox", 400)
    assert "sns CreateTopic failed" in caplog.text
    assert "in the depths" in caplog.text


@pytest.mark.parametrize(
    ("protocol", "path"),
    [("query", "Error/Code"), ("ec2", "Errors/Error/Code"), ("rest-xml", "Error/Code"), ("s3", "Code")],
)
def test_errors_in_xml(protocol: Any, path: str) -> None:
    rendered = render(AwsError("Some<Code>", "a & b", 403, fields={"Key": "<k>"}), protocol)
    root = ET.fromstring(rendered.body)  # noqa: S314
    assert root.findtext(path) == "Some<Code>"
    assert rendered.status == 403


def test_errors_in_json_and_cbor() -> None:
    rendered = render(AwsError("C", "m"), "json")
    assert json.loads(rendered.body) == {"__type": "C", "message": "m"}
    assert rendered.headers["x-amzn-ErrorType"] == "C"
    cbor = render(AwsError("C", "m"), "cbor")
    assert cbor.body == b"\xa2y\x00\x06__typey\x00\x01Cy\x00\x07messagey\x00\x01m"


def test_the_protocol_of_a_request() -> None:
    assert protocol_of(service="sqs", headers={"x-amz-target": "AmazonSQS.X"}, has_action=False) == "json"
    assert protocol_of(service="sqs", headers={}, has_action=True) == "query"
    assert protocol_of(service="ec2", headers={}, has_action=True) == "ec2"
    assert protocol_of(service="lambda", headers={}, has_action=False) == "rest-json"
    assert protocol_of(service="route53", headers={}, has_action=False) == "rest-xml"
    assert protocol_of(service="cloudwatch", headers={"smithy-protocol": "rpc-v2-cbor"}, has_action=False) == "cbor"


def written(log: Path, *, last: str) -> list[dict[str, Any]]:
    """Return the log's entries once that of the last request is there: it is written after the answer was sent."""
    deadline = time.monotonic() + 5
    while True:
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        if any(one["operation"] == last for one in entries) or time.monotonic() > deadline:
            return entries
        time.sleep(0.01)


def test_every_request_is_written_down(client: Callable[..., Any], server: Server) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="logged-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="logged-bucket", Key="a key", Body=b"12345")
    s3.get_object(Bucket="logged-bucket", Key="a key")["Body"].read()
    refused(s3.get_object, Bucket="logged-bucket", Key="none")
    client("sts", "qa").get_caller_identity()
    entries = written(server.application.settings.requests_log, last="GetCallerIdentity")
    by_operation = {one["operation"]: one for one in entries if one["status"] == 200}
    put, got, who = (by_operation[name] for name in ("PutObject", "GetObject", "GetCallerIdentity"))
    missing = next(one for one in entries if one["status"] == 404)
    assert missing["resource"] == "logged-bucket/none"
    found = (put["service"], put["operation"], put["resource"], put["account"])
    assert found == ("s3", "PutObject", "logged-bucket/a key", "111111111111")
    assert put["request_bytes"] >= 5
    assert got["response_bytes"] == 5
    assert (who["service"], who["account"]) == ("sts", "222222222222")
    assert set(put) >= {"time", "ms", "client", "principal"}
    assert "Boto3" in put["client"]


def test_connections_are_kept_whatever_the_application_read(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.application.settings.port, timeout=10)
    for body in (b"x" * 100_000, b"", b"y"):
        connection.request("PUT", "/bucket/key", body=body)  # refused unsigned, before its body is read
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (403, None)
        answer.read()
    connection.request("GET", "/_sandbox/health", headers={"Connection": "close"})
    answer = connection.getresponse()
    assert json.loads(answer.read())["accounts"]["qa"] == "222222222222"
    assert answer.getheader("Connection") == "close"
    connection.close()


def test_a_chunked_body_is_taken(client: Callable[..., Any], server: Server) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="chunked-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "chunked-bucket", "Key": "k"})
    connection = http.client.HTTPConnection("127.0.0.1", server.application.settings.port, timeout=10)
    target = url.partition(str(server.application.settings.port))[2]
    connection.request("PUT", target, body=iter([b"one ", b"two"]), encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert s3.get_object(Bucket="chunked-bucket", Key="k")["Body"].read() == b"one two"
