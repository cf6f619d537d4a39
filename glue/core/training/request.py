"""One attempt of a job as SageMaker's request."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue.core.training import arguments as args
from glue.core.training import keys, spot_processing
from glue.core.training.record import remote_kind
from glue.core.training.settings import Settings
from glue.core.training.spec import Job
from glue.core.training.words import Kind, Pool, Purchase

OPERATIONS = {
    Kind.TRAINING: "CreateTrainingJob",
    Kind.TUNING: "CreateHyperParameterTuningJob",
    Kind.PROCESSING: "CreateProcessingJob",
}
NAME_MEMBERS = {
    Kind.TRAINING: "TrainingJobName",
    Kind.TUNING: "HyperParameterTuningJobName",
    Kind.PROCESSING: "ProcessingJobName",
}
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Request:
    """An operation and its parameters. `kind` is what SageMaker runs: processing on spot is a training."""

    operation: str
    kind: Kind
    name: str
    params: Mapping[str, object]


def build(job: Job, *, attempt: int, pool: Pool, settings: Settings, best: Mapping[str, str] | None = None) -> Request:
    """Return the request of one attempt. `best`: the hyperparameters of the tuning that the job waits for.

    What the arguments leave out gets defaults: the model's execution role and network, an output folder of the job's
    own, a day as the longest run. Hyperparameters of the arguments win over the tuning's.
    """
    kind = remote_kind(job.kind, pool.purchase)
    params: dict[str, Any] = copy.deepcopy(dict(job.arguments))
    if job.kind is Kind.PROCESSING and kind is Kind.TRAINING:
        params = spot_processing.as_training(params, output=settings.job_location(job.id, "output"))
    if kind is Kind.TUNING:
        for definition in args.definitions(params):
            _training(definition, job, pool, settings)
    elif kind is Kind.TRAINING:
        _training(params, job, pool, settings)
    else:
        _processing(params, job, pool, settings)
    if best is not None and kind is Kind.TRAINING:
        params["HyperParameters"] = {**best, **_object(params, "HyperParameters")}
    name = keys.remote_name(job.id, attempt)
    params[NAME_MEMBERS[kind]] = name
    params["Tags"] = tags(job, attempt, settings)
    return Request(OPERATIONS[kind], kind, name, params)


def tags(job: Job, attempt: int, settings: Settings) -> list[dict[str, str]]:
    """Return the tags of a remote job: IAM lets the queue make and stop only what bears its own."""
    found = {"queue": settings.queue, "job": job.id, "attempt": str(attempt), "owner": job.owner, "model": job.model}
    return [{"Key": f"slipway:{key}", "Value": value} for key, value in found.items()]


def _training(params: dict[str, Any], job: Job, pool: Pool, settings: Settings) -> None:
    params.setdefault("RoleArn", settings.role_arn(job.model))
    output = _object(params, "OutputDataConfig")
    output.setdefault("S3OutputPath", settings.job_location(job.id, "output"))
    if settings.artifact_key_arn is not None:
        output.setdefault("KmsKeyId", settings.artifact_key_arn)
    condition = _object(params, "StoppingCondition")
    longest = condition.setdefault("MaxRuntimeInSeconds", _longest(job))
    _set_type(_object(params, "ResourceConfig"), job, pool)
    _set_network(params, job, settings)
    if job.spot is None:
        return
    checkpoints = _object(params, "CheckpointConfig")
    checkpoints.setdefault("S3Uri", settings.job_location(job.id, "checkpoints"))
    if pool.purchase is Purchase.SPOT:
        params["EnableManagedSpotTraining"] = True
        wait = job.spot.max_wait_minutes * 60
        condition["MaxWaitTimeInSeconds"] = max(wait, longest) if isinstance(longest, int) else wait


def _processing(params: dict[str, Any], job: Job, pool: Pool, settings: Settings) -> None:
    params.setdefault("RoleArn", settings.role_arn(job.model))
    _object(params, "StoppingCondition").setdefault("MaxRuntimeInSeconds", _longest(job))
    _set_type(_object(_object(params, "ProcessingResources"), "ClusterConfig"), job, pool)
    if settings.models[job.model].network is not None:
        _set_network(_object(params, "NetworkConfig"), job, settings)
    outputs = params.setdefault("ProcessingOutputConfig", _default_outputs(job, settings))
    if isinstance(outputs, dict) and settings.artifact_key_arn is not None:
        outputs.setdefault("KmsKeyId", settings.artifact_key_arn)
    variables = _object(params, "Environment")
    variables.setdefault(spot_processing.INPUT_VARIABLE, spot_processing.PROCESSING_INPUT)
    variables.setdefault(spot_processing.OUTPUT_VARIABLE, spot_processing.PROCESSING_OUTPUT)


def _default_outputs(job: Job, settings: Settings) -> dict[str, Any]:
    """Where spot places the same files: without any output SageMaker would throw away what was made."""
    place = {"S3Uri": settings.job_location(job.id, "output"), "LocalPath": spot_processing.PROCESSING_OUTPUT}
    return {"Outputs": [{"OutputName": "output", "S3Output": {**place, "S3UploadMode": "EndOfJob"}}]}


def _longest(job: Job) -> int:
    """A day; with spot no longer than the whole wait, which must not be shorter than the run."""
    return DAY_SECONDS if job.spot is None else min(DAY_SECONDS, job.spot.max_wait_minutes * 60)


def _set_type(resources: dict[str, Any], job: Job, pool: Pool) -> None:
    if pool.instance_type != job.instance_type:
        resources["InstanceType"] = pool.instance_type


def _set_network(params: dict[str, Any], job: Job, settings: Settings) -> None:
    network = settings.models[job.model].network
    if network is not None:
        config = {"Subnets": list(network.subnet_ids), "SecurityGroupIds": list(network.security_group_ids)}
        params.setdefault("VpcConfig", config)


def _object(params: dict[str, Any], name: str) -> dict[str, Any]:
    """The member, made when absent. Of a wrong type it stays as it is: AWS's model of the request complains of it."""
    inner = params.setdefault(name, {})
    return inner if isinstance(inner, dict) else {}
