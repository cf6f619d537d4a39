"""Lambda: functions run their own code.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import io
import json
import textwrap
import time
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.ext import lambda_invoke

from .conftest import ACCOUNT, REGION, ROLE, World, until

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"
HANDLER = """
import json, logging, os, sys, time
import boto3
logging.getLogger().setLevel("INFO")
calls = 0

class Strange(Exception):
    pass

def handle(event, context):
    global calls
    calls += 1
    print("seen", event)
    logging.info("logged")
    what = (event or {}).get("do") if isinstance(event, (dict, type(None))) else None
    if what == "raise":
        raise Strange("no good")
    if what == "sleep":
        time.sleep(30)
    if what == "exit":
        os._exit(7)
    if what == "set":
        return {1, 2}
    if what == "big":
        return "x" * 7_000_000
    if what == "env":
        return {name: os.environ.get(name) for name in event["names"]}
    if what == "who":
        return sorted(name for name in ("numpy", "flask", "boto3") if __import__("importlib.util").util.find_spec(name))
    if what == "context":
        return [context.function_name, context.function_version, context.invoked_function_arn,
                context.memory_limit_in_mb, context.aws_request_id, context.get_remaining_time_in_millis()]
    return {"event": event, "calls": calls, "pid": os.getpid()}
"""


def package(source: str = HANDLER) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("shop.py", textwrap.dedent(source))
    return buffer.getvalue()


def create(world: World, source: str = HANDLER, **more: Any) -> Any:
    permit = {"Effect": "Allow", "Action": ["logs:*", "sqs:SendMessage"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [permit]})
    world.client("iam").put_role_policy(RoleName="execution", PolicyName="functions", PolicyDocument=document)
    client = world.client("lambda")
    settings = {"Handler": "shop.handle", "Runtime": "python3.11", "Role": ROLE, "Timeout": 2, "MemorySize": 256}
    client.create_function(FunctionName="shop", Code={"ZipFile": package(source)}, **{**settings, **more})
    return client


def call(client: Any, event: Any = None, **more: Any) -> Any:
    """The function's answer; an error of the function fails the test."""
    answer = client.invoke(**{"FunctionName": "shop", "Payload": json.dumps(event), **more})
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def error(client: Any, event: Any = None) -> dict[str, Any]:
    answer = client.invoke(FunctionName="shop", Payload=json.dumps(event))
    assert answer["FunctionError"] == "Unhandled"
    assert answer["StatusCode"] == 200
    return dict(json.loads(answer["Payload"].read()))


@pytest.mark.parametrize("event", [{"a": [1, 2.5, None, "ü"]}, None, [], "text", 3])
def test_json_in_json_out(world: World, event: Any) -> None:
    assert call(create(world), event)["event"] == event


def test_an_empty_payload_is_an_empty_object(world: World) -> None:
    answer = create(world).invoke(FunctionName="shop")
    assert json.loads(answer["Payload"].read())["event"] == {}


def test_the_process_stays_warm(world: World) -> None:
    client = create(world)
    first, second = call(client), call(client)
    assert (first["pid"], second["calls"]) == (second["pid"], 2)


def test_errors_of_the_handler(world: World) -> None:
    seen = error(create(world), {"do": "raise"})
    assert (seen["errorType"], seen["errorMessage"]) == ("Strange", "no good")
    assert "shop.py" in seen["stackTrace"][-1]
    assert seen["requestId"]


def test_a_function_that_takes_too_long(world: World) -> None:
    client = create(world, Timeout=1)
    began = time.monotonic()
    seen = error(client, {"do": "sleep"})
    assert time.monotonic() - began < 5
    assert seen["errorType"] == "Sandbox.Timedout"
    assert seen["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert call(client)["calls"] == 1  # a new process


def test_a_function_that_ends_its_process(world: World) -> None:
    client = create(world)
    seen = error(client, {"do": "exit"})
    assert seen["errorType"] == "Runtime.ExitError"
    assert seen["errorMessage"].endswith("Runtime exited with error: exit status 7")
    assert call(client)["calls"] == 1


@pytest.mark.parametrize(
    ("source", "more", "kind"),
    [
        ("import nothing_like_this", {}, "Runtime.ImportModuleError"),
        ("handle = ", {}, "Runtime.UserCodeSyntaxError"),
        ("x = 1", {}, "Runtime.HandlerNotFound"),
        ("x = 1", {"Handler": "shop"}, "Runtime.MalformedHandlerName"),
        ("1 / 0", {}, "ZeroDivisionError"),
    ],
)
def test_code_that_cannot_be_loaded(world: World, source: str, more: dict[str, Any], kind: str) -> None:
    assert error(create(world, source, **more))["errorType"] == kind


def test_answers_that_are_no_json_or_too_large(world: World) -> None:
    client = create(world)
    assert error(client, {"do": "set"})["errorType"] == "Runtime.MarshalError"
    assert error(client, {"do": "big"})["errorType"] == "Function.ResponseSizeTooLarge"


def test_payloads_that_lambda_refuses(world: World) -> None:
    client = create(world)
    with pytest.raises(ClientError) as caught:
        client.invoke(FunctionName="shop", Payload=b"no json")
    assert caught.value.response["Error"]["Code"] == "InvalidRequestContentException"
    with pytest.raises(ClientError) as caught:
        client.invoke(FunctionName="shop", Payload=json.dumps("x" * 6_291_456))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert call(client, "x" * 6_000_000)["calls"] == 1


def test_log_tail_and_log_group(world: World) -> None:
    client = create(world)
    answer = client.invoke(FunctionName="shop", Payload=b"{}", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert tail.startswith("START RequestId: ")
    assert "seen {}" in tail
    assert "[INFO]" in tail
    assert "REPORT RequestId" in tail
    assert "LogResult" not in client.invoke(FunctionName="shop", Payload=b"{}")
    events = world.client("logs").filter_log_events(logGroupName="/aws/lambda/shop")["events"]
    assert "seen {}" in [event["message"] for event in events]


def test_environment_role_and_packages(world: World) -> None:
    client = create(world, Environment={"Variables": {"COLOUR": "green"}})
    names = ["COLOUR", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "HOME"]
    seen = call(client, {"do": "env", "names": names})
    assert seen["COLOUR"] == "green"
    assert seen["AWS_REGION"] == REGION
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "shop"
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert seen["AWS_PROFILE"] is None
    assert call(client, {"do": "who"}) == ["boto3"]  # what Lambda has, not what this machine has


def test_the_context(world: World) -> None:
    seen = call(create(world), {"do": "context"})
    assert seen[:4] == ["shop", "$LATEST", ARN, "256"]
    assert len(seen[4]) == 36
    assert 0 < seen[5] <= 2000


def test_versions_aliases_and_arns(world: World) -> None:
    client = create(world, Publish=True)
    client.create_alias(FunctionName="shop", Name="live", FunctionVersion="1")
    client.update_function_configuration(FunctionName="shop", Description="other", MemorySize=512)
    assert call(client, {"do": "context"}, Qualifier="live")[1:4] == ["1", f"{ARN}:live", "256"]
    assert call(client, {"do": "context"}, FunctionName=f"{ARN}:live")[1] == "1"
    assert call(client, {"do": "context"}, FunctionName="shop:1")[1] == "1"
    assert call(client, {"do": "context"})[3] == "512"
    assert client.invoke(FunctionName="shop", Qualifier="live")["ExecutedVersion"] == "1"
    for missing in ({"FunctionName": "nothing"}, {"FunctionName": "shop", "Qualifier": "9"}):
        with pytest.raises(ClientError) as caught:
            client.invoke(**missing)
        assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_an_alias_may_split_by_weight(world: World) -> None:
    client = create(world, Publish=True)
    client.update_function_configuration(FunctionName="shop", MemorySize=512)
    assert client.publish_version(FunctionName="shop")["Version"] == "2"
    client.create_alias(
        FunctionName="shop",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    seen = {client.invoke(FunctionName="shop:live")["ExecutedVersion"] for _ in range(40)}
    assert seen == {"1", "2"}
    client.update_alias(FunctionName="shop", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in client.get_alias(FunctionName="shop", Name="live")


def test_new_code_replaces_the_warm_process(world: World) -> None:
    client = create(world)
    call(client)
    client.update_function_code(FunctionName="shop", ZipFile=package("def handle(event, context): return 'new'"))
    assert call(client) == "new"
    assert len(list((world.home / "workloads").glob("*.json"))) == 1


def test_events_are_accepted_and_tried_three_times(world: World) -> None:
    queue = world.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    dead = {"TargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"}
    client = create(world, DeadLetterConfig=dead)
    assert client.get_function_configuration(FunctionName="shop")["DeadLetterConfig"] == dead
    answer = client.invoke(FunctionName="shop", InvocationType="Event", Payload=b'{"do": "raise"}')
    assert answer["StatusCode"] == 202
    messages = until(
        lambda: world.client("sqs").receive_message(QueueUrl=queue).get("Messages", []), lambda found: found
    )
    assert json.loads(messages[0]["Body"]) == {"do": "raise"}
    events = world.client("logs").filter_log_events(logGroupName="/aws/lambda/shop")["events"]
    assert sum(event["message"].startswith("START") for event in events) == 3


def test_a_dry_run_runs_nothing(world: World) -> None:
    assert create(world).invoke(FunctionName="shop", InvocationType="DryRun")["StatusCode"] == 204
    assert not (world.home / "functions").exists()


def test_reserved_concurrency(world: World) -> None:
    client = create(world)
    client.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=0)
    assert client.get_function(FunctionName="shop")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    with pytest.raises(ClientError, match="Rate Exceeded"):
        client.invoke(FunctionName="shop")


def test_the_processes_end_with_the_sandbox(world: World) -> None:
    call(create(world))
    lambda_invoke.shutdown()
    assert not list((world.home / "workloads").glob("*.json"))
    assert not list((world.home / "functions").iterdir())
