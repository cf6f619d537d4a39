"""InvokeEndpoint: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html."""

from __future__ import annotations

import json
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.ext import sagemaker_runtime

from .conftest import BUCKET, REGION, ROLE, World, session, until

CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}


def runtime(world: World) -> Any:
    return world.client("sagemaker-runtime")


@cache
def once() -> Any:
    """A client that does not try again."""
    return session().client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))


def refused(world: World, body: Any = None, **more: Any) -> dict[str, Any]:
    """The error of an invocation that is expected to fail."""
    client = once()
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(EndpointName="shop", Body=json.dumps(body or {}), **more)
    return caught.value.response  # type: ignore[return-value]


def patient(world: World) -> int | None:
    """The pid that answers, or None while the server starts anew."""
    try:
        return int(world.invoke()["pid"])
    except ClientError:
        return None


def test_headers_travel_both_ways(world: World) -> None:
    world.endpoint()
    answer = runtime(world).invoke_endpoint(
        EndpointName="shop", Body=b"{}", Accept="text/csv", CustomAttributes="trace=1", InferenceId="i-1"
    )
    assert answer["InvokedProductionVariant"] == "v0"
    assert answer["CustomAttributes"] == "seen trace=1"
    assert answer["ContentType"] == "application/json"
    assert json.loads(answer["Body"].read())["accept"] == "text/csv"


def test_bodies_are_bytes(world: World) -> None:
    world.endpoint()
    body = bytes(range(256)) * 4096
    answer = runtime(world).invoke_endpoint(EndpointName="shop", ContentType="application/octet-stream", Body=body)
    assert answer["Body"].read() == body


def test_weights_share_out_the_requests(world: World) -> None:
    world.model("one")
    world.model("two")
    world.config("c1", "one", "two")
    world.endpoint(config="c1")
    world.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="shop",
        DesiredWeightsAndCapacities=[
            {"VariantName": "v0", "DesiredWeight": 9},
            {"VariantName": "v1", "DesiredWeight": 1},
        ],
    )
    world.settle()
    answers = [world.invoke()["model"] for _ in range(200)]
    assert 3 < answers.count("two") < 50
    assert {world.invoke(TargetVariant="v1")["model"] for _ in range(10)} == {"two"}
    assert "v9" in refused(world, TargetVariant="v9")["Error"]["Message"]


@pytest.mark.parametrize(("status", "kind"), [(500, "server"), (422, "client")])
def test_the_containers_errors(world: World, status: int, kind: str) -> None:
    world.endpoint()
    error = refused(world, {"status": status})
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["Error"]["Code"] == "ModelError"
    assert error["OriginalStatusCode"] == status
    assert error["OriginalMessage"] == "model exploded"
    assert error["Error"]["Message"].startswith(
        f'Received {kind} error ({status}) from primary with message "model exploded". See '
    )
    assert error["LogStreamArn"].endswith("/aws/sagemaker/Endpoints/shop")


def test_a_container_that_takes_too_long(world: World) -> None:
    world.endpoint()  # the limit of the tests is 2 s instead of AWS's 60
    error = refused(world, {"sleep": 10})
    assert error["OriginalStatusCode"] == 0
    assert "Your invocation timed out" in error["OriginalMessage"]


def test_a_crashed_server_is_started_anew(world: World) -> None:
    world.endpoint()
    before = world.invoke()["pid"]
    assert refused(world, {"crash": True})["OriginalStatusCode"] == 0
    again = until(lambda: patient(world), lambda pid: pid is not None)
    assert again != before
    os.kill(again, signal.SIGKILL)
    until(lambda: patient(world), lambda pid: pid not in {None, again})


def test_too_much_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sagemaker_runtime, "PAYLOAD_LIMIT", 100)
    world.endpoint()
    error = refused(world, "x" * 200)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert error["Error"]["Message"] == "HTTP content length exceeded 100 bytes."
    assert refused(world, CustomAttributes="x" * 1025)["Error"]["Code"] == "ValidationError"


def test_many_callers_at_once(world: World) -> None:
    world.endpoint()
    seen: list[str] = []

    def call() -> None:
        seen.extend(world.invoke()["model"] for _ in range(10))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["one"] * 80


def test_no_request_is_lost_in_an_update(world: World) -> None:
    world.endpoint()
    world.model("two")
    world.config("c2", "two")
    world.client("sagemaker").update_endpoint(EndpointName="shop", EndpointConfigName="c2")
    seen = until(lambda: [world.invoke({"sleep": 0.01})["model"]], lambda one: one == ["two"])
    assert seen == ["two"]
    world.settle()


def test_the_role_and_the_log(world: World) -> None:
    world.endpoint()
    asked = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"]
    env = world.invoke({"env": asked})["env"]
    assert env["AWS_REGION"] == REGION
    assert env["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    me = (
        session()
        .client(
            "sts",
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=env["AWS_SESSION_TOKEN"],
        )
        .get_caller_identity()
    )
    assert me["Arn"] == ROLE.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + "/SageMaker"
    logs = world.client("logs")
    events = until(
        lambda: logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/shop")["events"], lambda found: found
    )
    assert events[0]["message"] == "serving one"
    assert events[0]["logStreamName"].startswith("v0/i-")


def test_data_capture(world: World) -> None:
    world.model("one")
    world.config("c1", "one", DataCaptureConfig=CAPTURE)
    world.endpoint(config="c1")
    shown = world.client("sagemaker").describe_endpoint(EndpointName="shop")["DataCaptureConfig"]
    assert shown["CaptureStatus"] == "Started"
    assert shown["CurrentSamplingPercentage"] == 100
    world.invoke({"a": 1}, InferenceId="i-7")
    runtime(world).invoke_endpoint(EndpointName="shop", ContentType="application/octet-stream", Body=b"\xff\x00")
    sagemaker_runtime.flush()
    s3 = world.client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="capture/")["Contents"]
    assert f"capture/shop/v0/{datetime.now(UTC):%Y/%m/%d}/" in found[0]["Key"]
    text = b"".join(s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found)
    first, second = (json.loads(line) for line in text.splitlines())
    assert first["captureData"]["endpointInput"] == {
        "observedContentType": "application/json",
        "mode": "INPUT",
        "data": '{"a": 1}',
        "encoding": "JSON",
    }
    assert json.loads(first["captureData"]["endpointOutput"]["data"])["model"] == "one"
    assert first["eventMetadata"]["inferenceId"] == "i-7"
    assert second["captureData"]["endpointInput"]["data"] == "/wA="
    assert second["captureData"]["endpointInput"]["encoding"] == "BASE64"


def test_metrics(world: World) -> None:
    world.endpoint()
    world.invoke()
    refused(world, {"status": 503})
    refused(world, {"status": 400})
    sagemaker_runtime.flush()

    def total(metric: str) -> float:
        found = world.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": "EndpointName", "Value": "shop"}, {"Name": "VariantName", "Value": "v0"}],
            StartTime=datetime.now(UTC) - timedelta(minutes=5),
            EndTime=datetime.now(UTC) + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in found)

    assert total("Invocations") == 3
    assert total("Invocation5XXErrors") == 1
    assert total("Invocation4XXErrors") == 1
    assert total("InvocationModelErrors") == 2
    assert total("InvocationsPerInstance") == 3
    assert total("ModelLatency") > 100  # microseconds
    assert total("OverheadLatency") > 0


def test_a_shadow_sees_the_requests_and_nobody_sees_its_answers(world: World) -> None:
    world.model("one")
    world.model("dark")
    shadow = {
        "VariantName": "dark",
        "ModelName": "dark",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1,
    }
    world.config("c1", "one", ShadowProductionVariants=[shadow])
    world.endpoint(config="c1")
    assert {world.invoke()["model"] for _ in range(5)} == {"one"}
    seen = world.client("sagemaker").describe_endpoint(EndpointName="shop")
    assert [one["VariantName"] for one in seen["ShadowProductionVariants"]] == ["dark"]

    def metrics() -> set[str]:
        sagemaker_runtime.flush()
        found = world.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", MetricName="Invocations")
        return {d["Value"] for one in found["Metrics"] for d in one["Dimensions"] if d["Name"] == "VariantName"}

    until(metrics, lambda names: names == {"v0", "dark"})


def test_a_shadow_is_captured_and_gets_its_share_of_the_variants_requests(world: World) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-create.html: "log requests and responses of your
    production and shadow variants"; its weight is relative to the variant's (model-shadow-deployment.html)."""
    world.model("one")
    world.model("dark")
    common = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    shadow = {"VariantName": "dark", "ModelName": "dark", "InitialVariantWeight": 1, **common}
    variant = {"VariantName": "v0", "ModelName": "one", "InitialVariantWeight": 4, **common}
    world.client("sagemaker").create_endpoint_config(
        EndpointConfigName="c1",
        ProductionVariants=[variant],
        ShadowProductionVariants=[shadow],
        DataCaptureConfig={**CAPTURE, "DestinationS3Uri": f"s3://{BUCKET}/both"},
    )
    world.endpoint(config="c1")
    for number in range(60):
        world.invoke({"a": number}, InferenceId=f"i-{number}")
    s3 = world.client("s3")

    def captured(name: str) -> dict[str, Any]:
        sagemaker_runtime.flush()
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"both/shop/{name}/").get("Contents", [])
        text = b"".join(s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found)
        lines = [json.loads(line) for line in text.splitlines()]
        return {line["eventMetadata"]["inferenceId"]: line for line in lines}

    everything = until(lambda: captured("v0"), lambda found: len(found) == 60)
    mirrored = until(lambda: captured("dark"), lambda found: len(found) > 1)
    assert len(mirrored) < 40  # a quarter of 60 is 15
    for key, line in mirrored.items():
        assert line["captureData"]["endpointInput"] == everything[key]["captureData"]["endpointInput"]
        assert json.loads(line["captureData"]["endpointOutput"]["data"])["model"] == "dark"
        assert line["eventMetadata"]["eventId"] != everything[key]["eventMetadata"]["eventId"]
