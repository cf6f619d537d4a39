"""The handlers as Lambda calls them, with the clients that they make themselves, on the sandbox's AWS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit import queue_support
from tests.unit.queue_support import CALLER, document, stream_record

from .conftest import REGION, Estate

# isort: split
import queue_finish
import queue_launch
import queue_monitor
import queue_services
import queue_submit
from queue_table import DynamoTable

CONTEXT = SimpleNamespace(
    get_remaining_time_in_millis=lambda: 60_000,
    invoked_function_arn=f"arn:aws:lambda:{REGION}:111111111111:function:q",
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def table(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoTable]:
    """What Terraform makes for the functions, and their environment."""
    name = f"queue-{uuid.uuid4().hex[:8]}"
    queue_support.create_table(estate.client("dynamodb"), name)
    iam, role = estate.client("iam"), "slipway-dev-ranker-execution"
    mine = role not in [one["RoleName"] for one in iam.list_roles(MaxItems=1000)["Roles"]]
    if mine:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    settings = {
        "queue": name,
        "project": "slipway",
        "environment": "dev",
        "account_id": "111111111111",
        "region": REGION,
        "table": name,
        "bucket": estate.dev.artifact_bucket,
        "topic_arn": estate.client("sns").create_topic(Name=name)["TopicArn"],
        "releases_queue_url": estate.client("sqs").create_queue(QueueName=f"{name}-releases")["QueueUrl"],
        "instance_types": {"ml.m5.large": {"budget": 2, "usd_per_hour": 0.115}},
        "models": {"ranker": {"inputs": [], "network": None}},
    }
    for variable, value in (
        ("QUEUE_SETTINGS", json.dumps(settings)),
        ("AWS_PROFILE", "dev"),
        ("AWS_DEFAULT_REGION", REGION),
    ):
        monkeypatch.setenv(variable, value)
    kept = (queue_services.settings, queue_services.services, queue_services._client, queue_services._session)
    for one in kept:
        one.cache_clear()
    yield DynamoTable(estate.client("dynamodb"), name)
    for service, once in (("dynamodb", False), ("sagemaker", True), ("sagemaker", False), ("cloudwatch", False)):
        (queue_services._client(service, once=True) if once else queue_services._client(service)).close()
    for service in ("sns", "sqs", "s3"):
        queue_services._client(service).close()
    for one in kept:
        one.cache_clear()
    if mine:  # others make it, too
        iam.delete_role(RoleName=role)


def post(body: dict[str, Any]) -> dict[str, Any]:
    event = {
        "rawPath": "/",
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"http": {"method": "POST"}, "authorizer": {"iam": {"userArn": CALLER}}},
        "body": json.dumps(body),
    }
    found: dict[str, Any] = json.loads(queue_submit.handle(event, CONTEXT)["body"])
    return found


def test_a_job_goes_through_all_functions(table: DynamoTable, estate: Estate) -> None:
    job = f"ranker-{uuid.uuid4().hex[:8]}"
    assert post({"jobs": [document(id=job)]})["results"][0]["status"] == "submitted"
    assert queue_launch.handle({"anything": 1}, CONTEXT)["Launched"] == 1
    launched = table.get(job)
    assert launched is not None
    name = f"{job}-1"
    described = estate.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert described["OutputDataConfig"]["S3OutputPath"].endswith(f"training/{job}/output")
    assert queue_monitor.sweep({}, CONTEXT)["open"] == 1

    detail = {"TrainingJobName": name, "TrainingJobStatus": "Completed", "BillableTimeInSeconds": 90}
    event = {"source": "aws.sagemaker", "detail-type": "SageMaker Training Job State Change", "detail": detail}
    message = {"messageId": "1", "body": json.dumps(event)}
    assert queue_monitor.handle({"Records": [message]}, CONTEXT) == {"batchItemFailures": []}
    ended = table.get(job)
    assert ended is not None
    assert (ended["JobStatus"], ended["cost_usd"]) == ("Completed", pytest.approx(90 * 0.115 / 3600))

    record = stream_record(1, launched, ended)
    for _ in range(2):
        assert queue_finish.handle({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}
    repair = SimpleNamespace(**{**vars(CONTEXT), "invoked_function_arn": "x:repair"})
    assert queue_finish.handle({"repair": [job]}, repair)["known"] == 1
    found = estate.client("s3").list_objects_v2(Bucket=estate.dev.artifact_bucket, Prefix="training-history/")
    assert [one["Key"] for one in found["Contents"] if job in one["Key"]]
    assert post({"cancel": [job]})["results"][0]["status"] == "ended"
