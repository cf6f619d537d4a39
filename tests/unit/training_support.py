"""A valid job document, a queue to judge it by, and AWS's own model of requests."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from typing import Any

from glue.aws.service_model import validator
from glue.core.training import job as jobs
from glue.core.training import record as records
from glue.core.training.job import Job
from glue.core.training.record import Record
from glue.core.training.settings import InstanceType, Location, Model, Network, Settings

NOW = 1_795_000_000_000
ACCOUNT, REGION = "111111111111", "eu-west-1"
BUCKET = f"slipway-dev-artifacts-{ACCOUNT}"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/slipway/ranker"
IMAGE = f"{REPOSITORY}@sha256:{'ab' * 32}"
SETTINGS = Settings(
    queue="slipway-dev-training",
    project="slipway",
    environment="dev",
    account_id=ACCOUNT,
    region=REGION,
    table="slipway-dev-training",
    bucket=BUCKET,
    topic_arn=f"arn:aws:sns:{REGION}:{ACCOUNT}:slipway-dev-training",
    releases_queue_url="https://queue.example/releases",
    instance_types={
        "ml.m5.large": InstanceType(20, 20, 0.115),
        "ml.m5.xlarge": InstanceType(4, 4, 0.23),
        "ml.c5.xlarge": InstanceType(2, 0, None),
    },
    models={
        "ranker": Model((Location("clicks", "daily/"),)),
        "closed": Model((), Network(("subnet-1", "subnet-2"), ("sg-1",))),
    },
    artifact_key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234",
)
ALGORITHM = {
    "TrainingImage": IMAGE,
    "TrainingInputMode": "File",
    "MetricDefinitions": [{"Name": "ndcg_at_10", "Regex": "ndcg=(.*)"}],
}
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
TRAINING: dict[str, Any] = {
    "id": "ranker-1",
    "kind": "training",
    "model": "ranker",
    "arguments": {
        "AlgorithmSpecification": ALGORITHM,
        "ResourceConfig": RESOURCES,
        "HyperParameters": {"rounds": "20"},
    },
}
TUNING: dict[str, Any] = {
    "id": "tune-1",
    "kind": "tuning",
    "model": "ranker",
    "arguments": {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 3},
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "ndcg_at_10"},
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": ALGORITHM,
            "ResourceConfig": RESOURCES,
            "HyperParameterRanges": {
                "IntegerParameterRanges": [{"Name": "rounds", "MinValue": "10", "MaxValue": "90"}]
            },
        },
    },
}
PROCESSING: dict[str, Any] = {
    "id": "prepare-1",
    "kind": "processing",
    "model": "ranker",
    "arguments": {
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python", "-m", "prepare"]},
        "ProcessingResources": {"ClusterConfig": RESOURCES},
        "ProcessingInputs": [
            {
                "InputName": "clicks",
                "S3Input": {
                    "S3Uri": "s3://clicks/daily/2026",
                    "LocalPath": "/opt/ml/processing/input/clicks",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "train",
                    "S3Output": {
                        "S3Uri": f"s3://{BUCKET}/datasets/ranker/2026/train",
                        "LocalPath": "/opt/ml/processing/output/train",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    },
}

validate = functools.cache(validator)


def changed(document: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a document with members changed: `arguments__ResourceConfig__InstanceCount=2`; None removes one."""
    found: dict[str, Any] = copy.deepcopy(dict(document))
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner: Any = found
        for name in parents:
            inner = inner[int(name)] if isinstance(inner, list) else inner.setdefault(name, {})
        if value is None:
            inner.pop(last)
        else:
            inner[last] = value
    return found


def parsed(document: Mapping[str, Any] = TRAINING, *, settings: Settings = SETTINGS, **changes: Any) -> Job:
    """Return the job of a document."""
    return jobs.parse(
        changed(document, **changes), settings=settings, caller="anna", now=NOW, nonce="n", validate=validate()
    )


def problems(document: Mapping[str, Any] = TRAINING, *, settings: Settings = SETTINGS, **changes: Any) -> list[str]:
    """Return what is wrong with a document; nothing when it is a job."""
    try:
        parsed(document, settings=settings, **changes)
    except jobs.JobError as error:
        return list(error.problems)
    return []


def stored(document: Mapping[str, Any] = TRAINING, **changes: Any) -> Record:
    """Return the record of a new job."""
    return records.new(parsed(document, **changes), submitted_by="arn:aws:iam::111111111111:user/anna", now=NOW)
