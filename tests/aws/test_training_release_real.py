"""The release function as it is deployed: its package, in Lambda's place, on a job that really trained."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glue import releases
from glue.aws.session import Session
from scripts.build_function import package

from . import training_world as world
from .conftest import Estate, archive
from .test_training_release import a_job

GOLDEN = '[{"name": "one", "body": {"q": 1}, "expect": {"score": 0.5}}]'
TRAIN = f"""cd /opt/ml/model && mkdir golden && echo weights > model.txt && echo '{{"ndcg": 0.75}}' > metrics.json &&
echo '{GOLDEN}' > golden/requests.json && echo ndcg=0.75"""


@pytest.fixture(scope="module")
def queue(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> world.TrainingWorld:
    return world.make(estate, estate.dev, tmp_path_factory.mktemp("queue"))


@pytest.fixture(scope="module")
def tiny(dev: Session) -> str:
    """Push an image that holds nothing: the jobs bring their program. Returns its digest."""
    plain = archive({"opt/program/empty": b""})
    layer = gzip.decompress(plain)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
    }
    blobs = (json.dumps(config).encode(), plain)
    for blob in blobs:
        dev.registry.upload_layer("slipway/ranker", digest(blob), [blob])
    media = "application/vnd.oci.image"
    parts = [{"size": len(blob), "digest": digest(blob)} for blob in blobs]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{media}.manifest.v1+json",
        "config": {"mediaType": f"{media}.config.v1+json", **parts[0]},
        "layers": [{"mediaType": f"{media}.layer.v1.tar+gzip", **parts[1]}],
    }
    return dev.registry.put_image("slipway/ranker", json.dumps(manifest).encode(), tag="7" * 40)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def train(queue: world.TrainingWorld, name: str, image: str, *, role: str) -> dict[str, Any]:
    """Run a training job to its end and return its description."""
    sagemaker = queue.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=role,
        AlgorithmSpecification={
            "TrainingImage": f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@{image}",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/sh", "-c", TRAIN],
            "MetricDefinitions": [{"Name": "ndcg", "Regex": "ndcg=([0-9.]+)"}],
        },
        OutputDataConfig={"S3OutputPath": f"s3://{world.BUCKET}/training/{name}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    until = time.monotonic() + 60
    while (found := sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    described: dict[str, Any] = found
    return described


def test_two_jobs_that_trained_the_same_are_one_release(
    queue: world.TrainingWorld, estate: Estate, dev: Session, tiny: str, tmp_path: Path
) -> None:
    functions, group = queue.client("lambda"), "slipway-dev-ranker"
    settings = functions.get_function_configuration(FunctionName=f"{world.NAME}-submit")
    code = tmp_path / "training-queue.zip"
    package(world.SOURCE, code)
    functions.create_function(
        FunctionName=f"{world.NAME}-release",
        Runtime="python3.11",
        Role=settings["Role"],
        Handler="queue_release.handle",
        Timeout=60,
        Code={"ZipFile": code.read_bytes()},
        Environment=settings["Environment"],
    )
    if not queue.client("sagemaker").list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]:
        queue.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    role = world._role(estate, "slipway-dev-ranker-execution", {"Service": "sagemaker.amazonaws.com"})
    made = []
    for _ in range(2):
        record = a_job(terms={"commit": None})
        described = train(queue, str(record.remote_name), tiny, role=role)
        assert described["FinalMetricDataList"][0]["MetricName"] == "ndcg"
        queue.write(replace(record, ended_at=world.now()))
        event = {"Records": [{"messageId": "m", "body": json.dumps({"job": record.job}), "attributes": {}}]}
        answer = functions.invoke(FunctionName=f"{world.NAME}-release", Payload=json.dumps(event).encode())
        assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
        key = f"training/{record.job}/release.json"
        made.append(json.loads(estate.client("s3").get_object(Bucket=world.BUCKET, Key=key)["Body"].read()))
    first, second = made
    assert (first["result"], first["created"], first["metrics"]) == ("released", True, {"ndcg": 0.75})
    assert (second["result"], second["created"], second["release"]) == ("released", False, first["release"])
    loaded = releases.load_release(dev.artifacts(), first["release"])
    assert (loaded.release.training["job"], loaded.release.commit) == (first["job"], "7" * 40)
