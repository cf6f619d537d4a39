"""Training jobs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html."""

from __future__ import annotations

import io
import json
import tarfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.ext import sagemaker_rates

from .conftest import ACCOUNT, BUCKET, IMAGE, REGION, ROLE, World, make_image, until

TRAIN = '''
#!/usr/bin/env python3
"""Counts the rows of its channel; a hyperparameter says how to misbehave."""
import json, os, signal, sys, time
from pathlib import Path

hyper = json.loads(os.environ["SM_HPS"])
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
if hyper.get("fail"):
    Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("ValueError: bad data")
    sys.exit(3)
rows = 0
if "SM_CHANNEL_TRAIN" in os.environ:
    files = [path for path in Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*") if path.is_file()]
    rows = sum(len(path.read_text().splitlines()) for path in files)
for epoch in range(3):
    print(f"epoch={epoch} ndcg={0.5 + epoch / 10:.1f}", flush=True)
end = time.monotonic() + float(hyper.get("sleep", 0))
while time.monotonic() < end and not stopped:
    time.sleep(0.02)
config = json.loads(Path(os.environ["SM_INPUT_CONFIG_DIR"], "hyperparameters.json").read_text())
model = {"rows": rows, "stopped": bool(stopped), "config": config, "colour": os.environ.get("COLOUR")}
Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model))
if hyper.get("report"):
    Path(os.environ["SM_OUTPUT_DATA_DIR"], "report.txt").write_text("fine")
'''


@pytest.fixture
def school(world: World) -> World:
    """A world with an image that trains, and two files of data."""
    world.images[IMAGE] = make_image(world.home / "school", train=TRAIN)
    for name in ("a.csv", "deep/b.csv"):
        world.client("s3").put_object(Bucket=BUCKET, Key=f"data/{name}", Body=b"1\n2\n")
    return world


def launch(world: World, name: str = "job-1", **more: Any) -> Any:
    client = world.client("sagemaker")
    hyper = {key: str(more.pop(key)) for key in ("fail", "sleep", "report") if key in more}
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": hyper,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training/"},
        "ResourceConfig": {"InstanceType": "ml.g6e.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    client.create_training_job(**{**request, **more})
    return client


def channel(prefix: str = "data/", name: str = "train") -> list[dict[str, Any]]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}", "S3DataDistributionType": "FullyReplicated"}
    return [{"ChannelName": name, "DataSource": {"S3DataSource": source}}]


def ended(client: Any, name: str = "job-1") -> dict[str, Any]:
    return dict(
        until(
            lambda: client.describe_training_job(TrainingJobName=name),
            lambda job: job["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"},
            within=15,
        )
    )


def contents(world: World, url: str) -> dict[str, bytes]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    body = world.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar if one.isfile()}  # type: ignore[union-attr]


def test_a_job_trains_on_its_channel_and_uploads_its_model(school: World) -> None:
    client = launch(school, InputDataConfig=channel(), Environment={"COLOUR": "green"}, report=1)
    job = ended(client)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed", job
    url = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert url == f"s3://{BUCKET}/training/job-1/output/model.tar.gz"
    model = json.loads(contents(school, url)["model.json"])
    assert model == {"rows": 4, "stopped": False, "config": {"report": "1"}, "colour": "green"}
    assert contents(school, url.replace("model.tar", "output.tar")) == {"report.txt": b"fine"}
    stages = [one["Status"] for one in job["SecondaryStatusTransitions"]]
    assert stages == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all("EndTime" in one and one["StatusMessage"] for one in job["SecondaryStatusTransitions"])
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]
    until(lambda: list((school.home / "training").iterdir()), lambda left: not left)


def test_describe_echoes_the_request_with_aws_defaults(school: World) -> None:
    client = launch(school, InputDataConfig=channel(), Tags=[{"Key": "queue", "Value": "q"}])
    job = client.describe_training_job(TrainingJobName="job-1")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Starting")
    assert job["TrainingJobArn"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/job-1"
    assert job["ResourceConfig"]["InstanceType"] == "ml.g6e.xlarge"
    assert job["InputDataConfig"][0]["CompressionType"] == "None"
    assert job["EnableNetworkIsolation"] is False
    assert not {"Tags", "FailureReason", "ModelArtifacts", "FinalMetricDataList", "TrainingEndTime"} & set(job)
    assert client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [{"Key": "queue", "Value": "q"}]
    ended(client)


def test_a_program_that_fails_says_why(school: World) -> None:
    job = ended(launch(school, fail=1))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"] == "AlgorithmError: ValueError: bad data, exit code: 3"
    assert "ModelArtifacts" not in job


def test_no_data_no_image(school: World) -> None:
    job = ended(launch(school, InputDataConfig=channel("nothing/")))
    assert job["FailureReason"].startswith("ClientError: Data download failed:No S3 objects found under S3 URL")
    missing = {"TrainingImage": IMAGE.replace("1" * 64, "3" * 64), "TrainingInputMode": "File"}
    job = ended(launch(school, "job-2", AlgorithmSpecification=missing), "job-2")
    assert job["FailureReason"] == f"ClientError: The image '{missing['TrainingImage']}' does not exist."


def test_a_role_that_may_not_pull_fails_the_job(school: World) -> None:
    school.client("iam").delete_role_policy(RoleName="execution", PolicyName="pull")
    job = ended(launch(school))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Cannot find repository: slipway/tiny in registry ID:")


def test_stop_lets_the_program_save_what_it_has(school: World) -> None:
    client = launch(school, sleep=30)
    until(
        lambda: client.describe_training_job(TrainingJobName="job-1")["SecondaryStatus"], lambda one: one == "Training"
    )
    logs = school.client("logs")
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}
    until(lambda: logs.describe_log_groups()["logGroups"], lambda groups: groups)
    until(lambda: logs.filter_log_events(**group)["events"], lambda events: len(events) == 3)
    client.stop_training_job(TrainingJobName="job-1")
    assert client.describe_training_job(TrainingJobName="job-1")["TrainingJobStatus"] in {"Stopping", "Stopped"}
    job = ended(client)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert json.loads(contents(school, job["ModelArtifacts"]["S3ModelArtifacts"])["model.json"])["stopped"] is True
    with pytest.raises(ClientError, match="because the training job is in status Stopped"):
        client.stop_training_job(TrainingJobName="job-1")


def test_a_job_that_is_stopped_before_it_trains(school: World) -> None:
    client = launch(school)
    client.stop_training_job(TrainingJobName="job-1")
    job = ended(client)
    assert job["TrainingJobStatus"] == "Stopped"
    assert "TrainingStartTime" not in job


def test_max_runtime(school: World) -> None:
    client = launch(school, sleep=30, StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = ended(client)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "ModelArtifacts" in job


def test_names_are_given_out_once_for_ever(school: World) -> None:
    client = launch(school)
    ended(client)
    with pytest.raises(ClientError) as caught:
        launch(school)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_metrics_are_found_in_the_output(school: World) -> None:
    definitions = [{"Name": "ndcg", "Regex": "ndcg=([0-9.]+)"}]
    specification = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": definitions}
    job = ended(launch(school, AlgorithmSpecification=specification))
    (metric,) = job["FinalMetricDataList"]
    assert metric["MetricName"] == "ndcg"
    assert metric["Value"] == pytest.approx(0.7)
    found = school.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="ndcg",
        Dimensions=[{"Name": "TrainingJobName", "Value": "job-1"}],
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(hours=1),
        Period=7200,
        Statistics=["SampleCount"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in found) == 3


def test_requests_that_can_never_run(school: World) -> None:
    for more, message in (
        ({"RoleArn": ROLE + "-not"}, "Could not assume role"),
        ({"ResourceConfig": {"InstanceType": "m5", "InstanceCount": 1, "VolumeSizeInGB": 1}}, "instanceType"),
        ({"name": "under_score"}, "trainingJobName"),
    ):
        with pytest.raises(ClientError, match=message):
            launch(school, **more)
    for operation in ("describe_training_job", "stop_training_job"):
        with pytest.raises(ClientError, match=r"Requested resource not found\."):
            getattr(school.client("sagemaker"), operation)(TrainingJobName="nothing")


def test_listing(school: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sagemaker_rates, "RATE", 1e6)  # their rate has a test of its own
    for name in ("b", "a", "c"):
        launch(school, name, fail=int(name == "a") or "")
        time.sleep(0.01)
    client = school.client("sagemaker")
    for name in ("a", "b", "c"):
        ended(client, name)
    names = [job["TrainingJobName"] for job in client.list_training_jobs()["TrainingJobSummaries"]]
    assert names == ["c", "a", "b"]  # newest first
    page = client.list_training_jobs(SortBy="Name", SortOrder="Ascending", MaxResults=2, StatusEquals="Completed")
    assert [job["TrainingJobName"] for job in page["TrainingJobSummaries"]] == ["b"]  # the filter comes after the page
    rest = client.list_training_jobs(
        SortBy="Name", SortOrder="Ascending", MaxResults=2, StatusEquals="Completed", NextToken=page["NextToken"]
    )
    assert [job["TrainingJobName"] for job in rest["TrainingJobSummaries"]] == ["c"]
