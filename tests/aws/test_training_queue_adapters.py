"""The queue's seams on the sandbox's AWS: the table's conditions as in memory, SageMaker's answers, the outlets."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from tests.unit import queue_support

from .conftest import REGION, Estate
from .faults import answer

import queue_jobs  # isort: skip
import queue_outlets  # isort: skip
import queue_table  # isort: skip


@pytest.fixture(scope="module")
def client(estate: Estate) -> Iterator[Callable[[str], Any]]:
    """Clients as the functions make them: botocore's own."""
    session = botocore.session.Session(profile="dev")
    made: dict[str, Any] = {}

    def give(service: str) -> Any:
        if service not in made:
            config = Config(retries={"mode": "standard", "total_max_attempts": 1}, s3={"addressing_style": "path"})
            made[service] = session.create_client(service, region_name=REGION, config=config)
        return made[service]

    yield give
    for one in made.values():
        one.close()


@pytest.fixture(scope="module")
def dynamo(client: Callable[[str], Any]) -> queue_table.DynamoTable:
    name = f"queue-{uuid.uuid4().hex[:8]}"
    queue_support.create_table(client("dynamodb"), name)
    return queue_table.DynamoTable(client("dynamodb"), name)


@pytest.fixture(params=["dynamodb", "memory"])
def table(request: pytest.FixtureRequest, dynamo: queue_table.DynamoTable) -> Any:
    """Both tables: what the tests in memory rely on is what DynamoDB does."""
    return dynamo if request.param == "dynamodb" else queue_support.MemoryTable()


def new(**more: Any) -> dict[str, Any]:
    return {"JobId": uuid.uuid4().hex, "JobStatus": "New", "attempt": 0, "status": "reserved", **more}


def test_a_put_happens_once(table: Any) -> None:
    row = new(cost_usd=0.1, due_at=1_795_000_000_123)
    assert table.put(row, {"JobId": None}) == queue_table.Written(True, row)
    assert table.put({**row, "attempt": 9}, {"JobId": None}) == queue_table.Written(False, row)
    assert table.get(row["JobId"]) == row
    assert table.get("nobody") is None


def test_an_update_says_what_is_there_now_or_what_stood_in_the_way(table: Any) -> None:
    row = new(due_shard="1")
    job = row["JobId"]
    table.put(row, {})
    when = {"JobStatus": "New", "attempt": 0, "stop_requested_at": None}
    change = {"JobStatus": "Launched", "attempt": 1, "due_shard": None}
    launched = {"JobId": job, "JobStatus": "Launched", "attempt": 1, "status": "reserved"}
    assert table.update(job, change, when) == queue_table.Written(True, launched)
    assert table.update(job, change, when) == queue_table.Written(False, launched)
    assert table.update(job, {"attempt": 2}, {"stop_requested_at": None, "attempt": 1}).done
    assert not table.update(job, {"attempt": 3}, {"attempt": None}).done
    assert table.update("nobody", {"attempt": 1}, {"JobStatus": "New"}) == queue_table.Written(False, {})


def test_an_update_without_a_condition_makes_the_item(table: Any) -> None:
    name = f"_{uuid.uuid4().hex}"
    assert table.update(name, {"rate": 0.5, "state": "{}"}, {}).done
    assert table.get(name) == {"JobId": name, "rate": 0.5, "state": "{}"}


def test_a_query_pages_through_an_index_in_order_and_leaves_out_what_is_later(table: Any) -> None:
    shard = uuid.uuid4().hex
    for at in range(7):
        table.put(new(due_shard=shard, due_key=f"{at % 2}#{at}", due_at=at), {})
    table.put(new(due_shard="other", due_key="0#0", due_at=0), {})
    rows, start, pages = [], None, 0
    while True:
        page = table.query("due", ("due_shard", shard), until=("due_at", 4), start=start, limit=3)
        rows += page.rows
        pages += 1
        start = page.following
        if start is None:
            break
    assert [row["due_at"] for row in rows] == [0, 2, 4, 1, 3]
    assert pages == 3


def test_what_the_queue_never_writes_is_refused() -> None:
    with pytest.raises(ValueError, match="writes only S and N"):
        queue_table.plain({"JobId": {"S": "a"}, "kind": {"BOOL": True}})


@pytest.fixture
def jobs(client: Callable[[str], Any]) -> queue_jobs.SageMakerJobs:
    return queue_jobs.SageMakerJobs(lambda: client("sagemaker"), lambda: client("sagemaker"))


@pytest.mark.parametrize("kind", ["training", "tuning", "processing"])
def test_a_job_that_is_not_there_is_absent_and_no_error(jobs: queue_jobs.SageMakerJobs, kind: str) -> None:
    assert jobs.describe(kind, "nobody-1") is None
    assert jobs.stop(kind, "nobody-1") is False
    assert jobs.page(kind, queue_support.START, None) == queue_jobs.Listing([], None)


def training(name: str, role: str) -> dict[str, Any]:
    image = f"111111111111.dkr.ecr.{REGION}.amazonaws.com/slipway/ranker@sha256:{'ab' * 32}"
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": role,
        "OutputDataConfig": {"S3OutputPath": "s3://slipway-dev-artifacts-111111111111/training/x/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "Tags": [{"Key": "slipway:queue", "Value": "q"}],
    }


@pytest.fixture(scope="module")
def role(client: Callable[[str], Any]) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    made = client("iam").create_role(RoleName="queue-execution", AssumeRolePolicyDocument=json.dumps(trust))
    return str(made["Role"]["Arn"])


def test_a_name_is_given_out_once_and_lists_show_it(jobs: queue_jobs.SageMakerJobs, role: str) -> None:
    name = f"job-{uuid.uuid4().hex[:8]}-1"
    jobs.create("training", training(name, role))
    with pytest.raises(queue_jobs.CallError) as refused:
        jobs.create("training", training(name, role))
    assert refused.value.code == "ResourceInUse"
    described = jobs.describe("training", name)
    assert described is not None
    since = round(datetime.now(UTC).timestamp() * 1000) - 3_600_000
    listed = jobs.page("training", since, None)
    assert name in [one["TrainingJobName"] for one in listed.jobs]


def test_a_request_that_sagemaker_does_not_know_is_refused(jobs: queue_jobs.SageMakerJobs, role: str) -> None:
    with pytest.raises(queue_jobs.CallError) as refused:
        jobs.create("training", {**training("a_b", role), "TrainingJobName": "a_b"})
    assert (refused.value.code, refused.value.status) == ("ValidationException", 400)


def test_a_call_without_an_answer_is_told_from_a_refusal(client: Callable[[str], Any]) -> None:
    config = Config(connect_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
    session = botocore.session.Session(profile="dev")
    nowhere = session.create_client("sagemaker", region_name=REGION, endpoint_url="http://127.0.0.1:9", config=config)
    with pytest.raises(queue_jobs.UnansweredError):
        queue_jobs.SageMakerJobs(lambda: nowhere, lambda: nowhere).page("training", queue_support.START, None)
    nowhere.close()


@pytest.fixture
def outlets(client: Callable[[str], Any], estate: Estate) -> queue_outlets.AwsOutlets:
    topic = client("sns").create_topic(Name="queue-topic")["TopicArn"]
    queue = client("sqs").create_queue(QueueName="queue-releases")["QueueUrl"]
    bucket = estate.dev.artifact_bucket
    return queue_outlets.AwsOutlets(client, topic_arn=topic, releases_queue_url=queue, bucket=bucket)


def test_the_outlets_say_it_once_and_keep_it_for_ever(
    outlets: queue_outlets.AwsOutlets, client: Callable[[str], Any], estate: Estate
) -> None:
    key = f"training-history/2026-W47/{uuid.uuid4().hex}.json"
    assert outlets.has_history(key) is False
    assert outlets.write_history(key, b"first") is True
    assert outlets.has_history(key) is True
    assert outlets.has_history(key[:-1]) is False
    assert outlets.write_history(key, b"second") is False
    found = client("s3").get_object(Bucket=estate.dev.artifact_bucket, Key=key)["Body"].read()
    assert found == b"first"
    outlets.publish("{}", {"owner": "anna", "model": "ranker", "status": "Failed"})
    outlets.enqueue_release('{"job": "a"}')
    queue = client("sqs").get_queue_url(QueueName="queue-releases")["QueueUrl"]
    assert client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == '{"job": "a"}'


def test_metrics_that_are_not_taken_stop_nothing(
    outlets: queue_outlets.AwsOutlets, client: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    outlets.metrics([queue_outlets.datum("q", "Due", 3)])
    client("cloudwatch").meta.events.register_first(
        "before-send.cloudwatch.PutMetricData", lambda **_: answer(500, "InternalFailure"), unique_id="test"
    )
    outlets.metrics([queue_outlets.datum("q", "Due", 3)])
    client("cloudwatch").meta.events.unregister("before-send.cloudwatch.PutMetricData", unique_id="test")
    assert "the metrics were not taken" in capsys.readouterr().out
