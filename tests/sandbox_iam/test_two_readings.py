"""A request that two readers could take for two operations is refused: what is decided about is what is done."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.server import Server
from tests.sandbox_iam.conftest import REGION, Actor, Estate, allow

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/x-amz-json-1.1"}


@pytest.fixture(scope="module")
def lister(estate: Estate) -> Actor:
    """Somebody who may list, and nothing else."""
    return estate.role(
        allow(["sns:ListTopics", "sagemaker:ListEndpoints", "dynamodb:ListTables", "lambda:ListFunctions", "s3:List*"])
    )


def send(
    server: Server,
    actor: Actor,
    service: str,
    path: str,
    *,
    method: str = "POST",
    body: str = "",
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Send one signed request as it is and return status and body."""
    url = server.application.settings.url
    request = AWSRequest(method=method, url=f"{url}{path}", data=body, headers=headers or {})
    keys = Credentials(
        actor.keys["aws_access_key_id"], actor.keys["aws_secret_access_key"], actor.keys["aws_session_token"]
    )
    (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, REGION).add_auth(request)
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, path, body.encode(), dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def target(name: str) -> dict[str, str]:
    return {**JSON, "X-Amz-Target": name}


CASES = [
    # the action in the query, another one in the header
    ("dynamodb", "/?Action=ListTables", target("DynamoDB_20120810.DeleteTable"), '{"TableName": "t"}'),
    # an endpoint's path with the name of a harmless operation
    ("sagemaker", "/endpoints/e/invocations", target("SageMaker.ListEndpoints"), "{}"),
    ("lambda", "/2015-03-31/functions/f?Action=ListFunctions", {}, ""),
    ("lambda", "/2015-03-31/functions/", target("AWSLambda.DeleteFunction"), ""),
    # one action in the query, one in the body
    ("sns", "/?Action=ListTopics", FORM, "Action=DeleteTopic&TopicArn=a"),
    ("sns", "/", target("AmazonSNS.DeleteTopic"), ""),
    ("sns", "/", FORM, "Version=2010-03-31"),
    ("sns", "/elsewhere", FORM, "Action=ListTopics"),
]


@pytest.mark.parametrize(("service", "path", "headers", "body"), CASES)
def test_contradictions(
    server: Server, lister: Actor, service: str, path: str, headers: dict[str, str], body: str
) -> None:
    status, text = send(server, lister, service, path, headers=headers, body=body)
    assert status == 400, text
    assert any(code in text for code in ("InvalidAction", "InvalidParameterCombination", "MissingAction")), text


def test_two_settings_of_a_bucket_at_once(server: Server, estate: Estate, lister: Actor) -> None:
    estate.bucket("two-readings")
    status, text = send(server, lister, "s3", "/two-readings?versions&policy", method="GET")
    assert status == 400
    assert "InvalidArgument" in text


def test_plain_requests_still_pass(server: Server, lister: Actor) -> None:
    assert send(server, lister, "sns", "/", headers=FORM, body="Action=ListTopics")[0] == 200
    status, text = send(server, lister, "dynamodb", "/", headers=target("DynamoDB_20120810.ListTables"), body="{}")
    assert status == 200
    assert "TableNames" in json.loads(text)
    assert (
        send(
            server,
            lister,
            "sns",
            "/",
            headers=FORM,
            body="Action=DeleteTopic&TopicArn=arn:aws:sns:eu-west-1:111111111111:x",
        )[0]
        == 403
    )


def test_a_body_that_is_no_document(server: Server, lister: Actor) -> None:
    for body in ("[]", "{", "1"):
        status, text = send(server, lister, "dynamodb", "/", headers=target("DynamoDB_20120810.ListTables"), body=body)
        assert (status, "SerializationException" in text) == (400, True)
    status, text = send(server, lister, "sns", "/", headers=FORM, body="Action=ListTopics&a.b=1&a=2")
    assert status == 400
    assert "MalformedInput" in text


def test_the_region_is_the_one_that_was_signed_for(server: Server, estate: Estate) -> None:
    # moto believes the client's name and addresses more
    here = estate.role(allow("sns:CreateTopic", "arn:aws:sns:eu-west-1:111111111111:*"))
    elsewhere = {**FORM, "User-Agent": "tool region/us-east-1"}
    body = "Action=CreateTopic&Name=regional&x=.us-east-1.amazonaws.com"
    status, text = send(server, here, "sns", "/", headers=elsewhere, body=body)
    assert status == 200
    assert "arn:aws:sns:eu-west-1:111111111111:regional" in text


def test_a_queue_can_be_named_by_the_address(server: Server, estate: Estate) -> None:
    estate.operator("sqs").create_queue(QueueName="addressed")
    arn = "arn:aws:sqs:eu-west-1:111111111111:addressed"
    body = "Action=SendMessage&MessageBody=m"
    path = "/111111111111/addressed"
    assert send(server, estate.role(allow("sqs:*", arn)), "sqs", path, headers=FORM, body=body)[0] == 200
    status, text = send(server, estate.role(allow("sqs:*", f"{arn}-other")), "sqs", path, headers=FORM, body=body)
    assert status == 403
    assert arn in text


@pytest.mark.parametrize(
    "value", [5, None, [], {}, "", [None], {"a": {"b": 1}}, "arn:", "arn:aws:x", "::::::", "a" * 3000]
)
def test_parameters_of_other_types(server: Server, lister: Actor, value: object) -> None:
    """Nobody gets in with what cannot be read, and nothing breaks."""
    for name, member in (
        ("DeleteTable", "TableName"),
        ("TransactWriteItems", "TransactItems"),
        ("BatchGetItem", "RequestItems"),
    ):
        body = json.dumps({member: value})
        status, text = send(server, lister, "dynamodb", "/", headers=target(f"DynamoDB_20120810.{name}"), body=body)
        assert status == 400
        assert "AccessDeniedException" in text or "ValidationException" in text, text
