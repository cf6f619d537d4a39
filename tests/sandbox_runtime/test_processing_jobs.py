"""Processing jobs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.events import bus
from sandbox.ext import sagemaker_jobs_board

from .conftest import ACCOUNT, BUCKET, IMAGE, REGION, ROLE, World, make_image, until

PREPARE = r"""
#!/bin/sh
# The contract of a processing container: arguments, variables, folders below /opt/ml/processing.
cat "$1"/* | tr a-z A-Z > "$OUTPUT/all.txt"
printf 'rows: 2' > "$HOME/output/message"
echo working
[ -n "$LINGER" ] && { sleep 30 & trap 'echo saved > "$OUTPUT/saved"; kill $!; exit 0' TERM; wait; }
exit "${CODE:-0}"
"""


@pytest.fixture
def plant(world: World) -> World:
    """A world with an image that prepares data, and two files."""
    world.images[IMAGE] = make_image(world.home / "plant", prepare=PREPARE)
    for name in ("a", "b"):
        world.client("s3").put_object(Bucket=BUCKET, Key=f"raw/{name}.txt", Body=name.encode())
    bus.forget()
    return world


def launch(world: World, name: str = "prepare-1", *, mode: str = "EndOfJob", **more: Any) -> Any:
    client = world.client("sagemaker")
    source = {"S3Uri": f"s3://{BUCKET}/raw/", "LocalPath": "/opt/ml/processing/input/raw", "S3DataType": "S3Prefix"}
    target = {"S3Uri": f"s3://{BUCKET}/clean/{name}", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": mode}
    request = {
        "ProcessingJobName": name,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["prepare"],
            "ContainerArguments": ["/opt/ml/processing/input/raw"],
        },
        "RoleArn": ROLE,
        "ProcessingInputs": [{"InputName": "raw", "S3Input": {**source, "S3InputMode": "File"}}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "clean", "S3Output": target}]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "Tags": [{"Key": "slipway:queue", "Value": "q"}],
    }
    environment = {"OUTPUT": "/opt/ml/processing/output", **more.pop("Environment", {})}
    client.create_processing_job(**{**request, "Environment": environment, **more})
    return client


def ended(client: Any, name: str = "prepare-1") -> dict[str, Any]:
    return dict(
        until(
            lambda: client.describe_processing_job(ProcessingJobName=name),
            lambda job: job["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"},
            within=15,
        )
    )


def read(world: World, key: str) -> bytes:
    return bytes(world.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


def test_a_job_reads_its_inputs_and_uploads_its_outputs(plant: World) -> None:
    client = launch(plant)
    job = ended(client)
    assert job["ProcessingJobStatus"] == "Completed", job
    assert read(plant, "clean/prepare-1/all.txt") == b"AB"
    assert job["ExitMessage"] == "rows: 2"
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    (summary,) = client.list_processing_jobs(NameContains="prepare", StatusEquals="Completed")["ProcessingJobSummaries"]
    assert summary["ProcessingJobName"] == "prepare-1"
    assert client.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"] == [{"Key": "slipway:queue", "Value": "q"}]
    streams = plant.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs")["logStreams"]
    assert [one["logStreamName"].rpartition("-")[0] for one in streams] == ["prepare-1/algo-1"]
    kind = "SageMaker Processing Job State Change"
    told = [one["event"] for one in reversed(bus.recent()) if one["event"]["detail-type"] == kind]
    assert [one["detail"]["ProcessingJobStatus"] for one in told] == ["InProgress", "Completed"]
    assert told[1]["resources"] == [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/prepare-1"]
    assert told[1]["detail"]["Tags"] == {"slipway:queue": "q"}
    (shown,) = sagemaker_jobs_board.newest()
    assert (shown["account"], shown["kind"], shown["name"]) == (ACCOUNT, "processing", "prepare-1")


def test_a_program_that_fails_uploads_nothing(plant: World) -> None:
    client = launch(plant, Environment={"CODE": "4"})
    job = ended(client)
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 4"
    assert "Contents" not in plant.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="clean/")
    with pytest.raises(ClientError) as caught:
        launch(plant)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_stop_and_continuous_outputs(plant: World) -> None:
    client = launch(plant, mode="Continuous", Environment={"LINGER": "1"})
    s3 = plant.client("s3")
    until(lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix="clean/prepare-1/all.txt").get("Contents"), bool)
    assert client.describe_processing_job(ProcessingJobName="prepare-1")["ProcessingJobStatus"] == "InProgress"
    client.stop_processing_job(ProcessingJobName="prepare-1")
    assert ended(client)["ProcessingJobStatus"] == "Stopped"
    assert read(plant, "clean/prepare-1/saved") == b"saved\n"
    with pytest.raises(ClientError, match="because the processing job is in status Stopped"):
        client.stop_processing_job(ProcessingJobName="prepare-1")


def test_what_can_never_run(plant: World) -> None:
    nothing = {"S3Uri": f"s3://{BUCKET}/none/", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    client = launch(plant, ProcessingInputs=[{"InputName": "raw", "S3Input": {**nothing, "S3InputMode": "File"}}])
    assert "No S3 objects found" in ended(client)["FailureReason"]
    outside = {"S3Uri": f"s3://{BUCKET}/x", "LocalPath": "/etc", "S3UploadMode": "EndOfJob"}
    config = {"Outputs": [{"OutputName": "x", "S3Output": outside}]}
    assert "not /etc" in ended(launch(plant, "two", ProcessingOutputConfig=config), "two")["FailureReason"]
    with pytest.raises(ClientError, match="Could not assume role"):
        launch(plant, "three", RoleArn=ROLE + "-not")
    with pytest.raises(ClientError, match="processingJobName"):
        launch(plant, "under_score")
    with pytest.raises(ClientError, match=r"Requested resource not found\."):
        client.describe_processing_job(ProcessingJobName="nothing")
