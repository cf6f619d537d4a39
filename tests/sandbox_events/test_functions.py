"""Functions: events that are tried again, throttles, destinations, logs by permission, URLs.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from sandbox import faults
from sandbox.server import Server

from .conftest import DEV, REGION, Account, may, until

FAIL = "def handle(event, context):\n    raise ValueError('no good')\n"
ECHO = (
    "def handle(event, context):\n    print('seen')\n    return {'got': event, 'version': context.function_version}\n"
)
LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


def event(dev: Account, name: str, payload: Any) -> None:
    answer = dev("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(payload))
    assert answer["StatusCode"] == 202


def starts(dev: Account, name: str) -> int:
    events = dev("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return sum(one["message"].startswith("START") for one in events)


def test_an_event_is_tried_three_times_then_told(dev: Account) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    url, arn = dev.queue("lost")
    dead_url, dead = dev.queue("lost-dead")
    role = dev.role("lost-role", "lambda", may(["sqs:SendMessage", *LOGS]))
    function = dev.function("lost", FAIL, role, DeadLetterConfig={"TargetArn": dead})
    dev("lambda").put_function_event_invoke_config(
        FunctionName="lost", DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    event(dev, "lost", {"n": 1})
    (record,) = dev.bodies(url)
    assert record["requestContext"] == {
        "requestId": record["requestContext"]["requestId"],
        "functionArn": f"{function}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["requestPayload"] == {"n": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "no good"
    (letter,) = dev.take(dead_url)
    assert json.loads(letter["Body"]) == {"n": 1}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no good"
    assert letter["MessageAttributes"]["RequestID"]["StringValue"] == record["requestContext"]["requestId"]
    assert starts(dev, "lost") == 3


def test_settings_of_events_replace_and_merge(dev: Account) -> None:
    # https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionEventInvokeConfig.html
    client = dev("lambda")
    dev.function("set", ECHO, dev.role("set-role", "lambda"))
    client.put_function_event_invoke_config(FunctionName="set", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60)
    client.update_function_event_invoke_config(FunctionName="set", MaximumRetryAttempts=0)
    found = client.get_function_event_invoke_config(FunctionName="set")
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (0, 60)
    client.put_function_event_invoke_config(FunctionName="set", MaximumRetryAttempts=2)
    assert "MaximumEventAgeInSeconds" not in client.get_function_event_invoke_config(FunctionName="set")
    client.delete_function_event_invoke_config(FunctionName="set")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName="set")


def test_success_and_age_have_destinations(dev: Account) -> None:
    url, arn = dev.queue("good")
    role = dev.role("good-role", "lambda", may("sqs:SendMessage"))
    client = dev("lambda")
    dev.function("good", ECHO, role)
    places = {"OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}}
    client.put_function_event_invoke_config(FunctionName="good", DestinationConfig=places)
    event(dev, "good", {"n": 2})
    (record,) = dev.bodies(url)
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"]["got"] == {"n": 2}
    dev.function("old", FAIL, role)
    client.put_function_event_invoke_config(FunctionName="old", MaximumEventAgeInSeconds=60, DestinationConfig=places)
    event(dev, "old", {})
    (record,) = dev.bodies(url)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_no_concurrency_means_dead_letters_at_once(dev: Account) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    url, arn = dev.queue("none")
    dev.function(
        "none", ECHO, dev.role("none-role", "lambda", may("sqs:SendMessage")), DeadLetterConfig={"TargetArn": arn}
    )
    dev("lambda").put_function_concurrency(FunctionName="none", ReservedConcurrentExecutions=0)
    client = dev("lambda")
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName="none")
    event(dev, "none", {"n": 3})
    assert dev.bodies(url) == [{"n": 3}]


def test_logs_need_the_roles_permission(dev: Account) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-prereqs.html
    client = dev("lambda")
    dev.function("mute", ECHO, dev.role("mute-role", "lambda"))
    assert "FunctionError" not in client.invoke(FunctionName="mute", Payload=b"{}")
    groups = dev("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/mute")["logGroups"]
    assert groups == []
    dev("iam").put_role_policy(
        RoleName="mute-role",
        PolicyName="logs",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may(LOGS)]}),
    )
    client.invoke(FunctionName="mute", Payload=b"{}")
    assert starts(dev, "mute") == 1


def signed(address: str, host: str, profile: str = "dev", **more: Any) -> urllib.request.Request:
    request = AWSRequest(method=more.pop("method", "GET"), url=address, headers={"Host": host}, **more)
    credentials = boto3.Session(profile_name=profile).get_credentials()
    assert credentials is not None
    SigV4Auth(credentials.get_frozen_credentials(), "lambda", REGION).add_auth(request)
    return urllib.request.Request(  # noqa: S310
        address, data=request.data or None, headers=dict(request.headers), method=request.method
    )


def opened(request: Any) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_url_for_signed_callers(dev: Account, server: Server) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    client = dev("lambda")
    dev.function("site", ECHO, dev.role("site-role", "lambda"))
    made = client.create_function_url_config(FunctionName="site", AuthType="AWS_IAM")["FunctionUrl"]
    host = made.removeprefix("https://").rstrip("/")
    address = f"{server.application.settings.url}/a%20b?x=1&x=2"
    assert opened(urllib.request.Request(address, headers={"Host": host}))[0] == 403  # noqa: S310
    assert opened(signed(address, host, "qa"))[0] == 403
    status, body = opened(signed(address, host, method="POST", data=b'{"n":1}'))
    assert status == 200
    seen = body["got"]
    assert (seen["version"], seen["rawPath"], seen["rawQueryString"]) == ("2.0", "/a b", "x=1&x=2")
    assert seen["requestContext"]["http"]["method"] == "POST"
    assert seen["requestContext"]["authorizer"]["iam"]["accountId"] == DEV
    assert seen["requestContext"]["domainName"] == host
    client.add_permission(
        FunctionName="site",
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="222222222222",
        FunctionUrlAuthType="AWS_IAM",
    )
    assert opened(signed(address, host, "qa"))[0] == 403  # since October 2025 InvokeFunction is needed, too
    client.add_permission(
        FunctionName="site", StatementId="invoke", Action="lambda:InvokeFunction", Principal="222222222222"
    )
    assert opened(signed(address, host, "qa"))[0] == 200


ANSWER = """
import json
def handle(event, context):
    if event["rawPath"] == "/boom":
        raise ValueError()
    return {"statusCode": 201, "headers": {"X-Seen": "1"}, "cookies": ["a=1", "b=2"],
            "body": json.dumps([event.get("body"), event["isBase64Encoded"], event.get("cookies")])}
"""


def test_an_open_url_still_needs_a_policy(dev: Account, server: Server) -> None:
    client = dev("lambda")
    dev.function("open", ANSWER, dev.role("open-role", "lambda"))
    made = client.create_function_url_config(FunctionName="open", AuthType="NONE")["FunctionUrl"]
    identifier = made.removeprefix("https://").partition(".")[0]
    address = f"{server.application.settings.url}/_sandbox/lambda-url/{identifier}"
    assert opened(f"{address}/")[0] == 403
    for action, more in (
        ("lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
        ("lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
    ):
        client.add_permission(FunctionName="open", StatementId=action[7:], Action=action, Principal="*", **more)
    request = urllib.request.Request(  # noqa: S310
        f"{address}/x", data=b"\x00\xff", headers={"Content-Type": "application/octet-stream", "Cookie": "c=3; d=4"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 201
        assert answer.headers["X-Seen"] == "1"
        assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert json.loads(answer.read()) == ["AP8=", True, ["c=3", "d=4"]]
    assert opened(f"{address}/boom") == (502, {"Message": "Internal Server Error"})


def test_a_throttled_event_waits(dev: Account) -> None:
    url, arn = dev.queue("busy")
    slow = "import time\ndef handle(event, context):\n    time.sleep(event['s'])\n    return event\n"
    dev.function("busy", slow, dev.role("busy-role", "lambda", may("sqs:SendMessage")))
    client = dev("lambda")
    client.put_function_concurrency(FunctionName="busy", ReservedConcurrentExecutions=1)
    client.put_function_event_invoke_config(FunctionName="busy", DestinationConfig={"OnSuccess": {"Destination": arn}})
    for number in range(3):
        event(dev, "busy", {"s": 0.2, "n": number})
    records = dev.bodies(url, 3)
    assert sorted(one["requestPayload"]["n"] for one in records) == [0, 1, 2]
    assert {one["requestContext"]["approximateInvokeCount"] for one in records} == {1}
    until(lambda: dev.nothing(url))


SENDER = """
import boto3
sqs = boto3.client("sqs")
def handle(event, context):
    sqs.send_message(QueueUrl=event["url"], MessageBody=event["body"])
    return "sent"
"""


def test_a_function_is_killed_around_one_of_its_calls(dev: Account) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html: the runtime exits; the next call is a new one
    url, queue = dev.queue("victims")
    name = dev.function("victim", SENDER, dev.role("victim-role", "lambda", may("sqs:SendMessage", queue)))
    client = dev("lambda")

    def call(body: str) -> dict[str, Any]:
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"url": url, "body": f'"{body}"'}))
        return {"error": answer.get("FunctionError"), "said": json.loads(answer["Payload"].read())}

    kill = {"kind": "kill-function", "match": {"service": "sqs", "principal": "*/victim"}, "times": 1}
    for when, sent in (("before", 0), ("after", 1)):
        faults.registry().add([{**kill, "id": when, "effect": {"when": when}}])
        found = call(when)
        assert (found["error"], found["said"]["errorType"]) == ("Unhandled", "Runtime.ExitError"), found
        assert "signal: 9" in found["said"]["errorMessage"]
        assert dev.bodies(url, sent) == [when] * sent
        assert call("again") == {"error": None, "said": "sent"}
        assert dev.bodies(url) == ["again"]
    dev("sqs").send_message(QueueUrl=url, MessageBody='"a person"')  # others are never met
    faults.registry().clear()
