"""SageMaker training jobs, which moto completes at once and without training anything.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

import copy
import re
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.responses import SageMakerResponse

from sandbox.ext.sagemaker_common import (
    LOCK,
    NAME,
    arn,
    backend,
    in_use,
    invalid,
    listed,
    matches,
    params,
    patch,
    tags_of,
    without_none,
)
from sandbox.ext.sagemaker_configs import INSTANCE_TYPE
from sandbox.runtime import context, roles, training
from sandbox.runtime.training import ENDED, TrainingJob
from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Replace moto's training job operations."""
    context.ensure(settings)
    patch(SageMakerResponse, create_training_job, describe_training_job, list_training_jobs, stop_training_job)


def create_training_job(self: Any) -> ActionResult:
    """CreateTrainingJob: refused for what can never run, else InProgress."""
    request = params(self)
    name = request["TrainingJobName"]
    jobs = backend(self).training_jobs
    _check(request)
    with LOCK:
        identifier = arn(self, "training-job", name)
        if name in jobs:
            raise in_use(
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({identifier})"
            )
        tags = tags_of(request)
        job = jobs[name] = TrainingJob(name, identifier, self.current_account, self.region, request, tags)
    context.current().clock.run(training.run(context.current(), job), name=f"training {name}")
    return ActionResult({"TrainingJobArn": job.arn})


def describe_training_job(self: Any) -> ActionResult:
    """DescribeTrainingJob: the request, defaults filled in, and how far the job is."""
    return ActionResult(_described(_job(self)))


def list_training_jobs(self: Any) -> ActionResult:
    """ListTrainingJobs: newest first; StatusEquals is applied to the page, after MaxResults.

    A page with fewer jobs than asked for is therefore not the last one: NextToken says so.
    """
    request = params(self)
    found = [job for job in list(backend(self).training_jobs.values()) if matches(job, request)]
    keys = {
        "CreationTime": lambda job: job.creation_time,
        "Name": lambda job: job.name,
        "Status": lambda job: job.status,
    }
    page, token = listed(found, request, sort_keys=keys)
    status = request.get("StatusEquals")
    summaries = [
        without_none(
            {
                "TrainingJobName": job.name,
                "TrainingJobArn": job.arn,
                "CreationTime": job.creation_time,
                "TrainingEndTime": job.end_time,
                "LastModifiedTime": job.last_modified_time,
                "TrainingJobStatus": job.status,
                "SecondaryStatus": job.secondary_status or "Starting",
            }
        )
        for job in page
        if status in {None, job.status}
    ]
    return ActionResult({"TrainingJobSummaries": summaries, "NextToken": token})


def stop_training_job(self: Any) -> EmptyResult:
    """StopTrainingJob: SIGTERM, 120 s to save what there is, then the end."""
    job = _job(self)
    with job.lock:
        if job.status in ENDED:
            raise invalid(f"The request was rejected because the training job is in status {job.status}.")
        if job.status == "InProgress":
            job.enter("Stopping", "Stopping")
            job.stop.set()
    return EmptyResult()


def _job(response: Any) -> TrainingJob:
    job: TrainingJob | None = backend(response).training_jobs.get(params(response)["TrainingJobName"])
    if job is None:
        raise invalid("Requested resource not found.")
    return job


def _check(request: dict[str, Any]) -> None:
    name = request["TrainingJobName"]
    if not NAME.fullmatch(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'trainingJobName' failed to satisfy constraint: Member "
            r"must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
        )
    kind = request["ResourceConfig"].get("InstanceType")
    if kind and not INSTANCE_TYPE.fullmatch(kind):
        raise invalid(
            f"1 validation error detected: Value '{kind}' at 'resourceConfig.instanceType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [ml.<family>.<size>]"
        )
    for definition in request["AlgorithmSpecification"].get("MetricDefinitions") or []:
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise invalid(f"The regular expression of metric {definition['Name']} is invalid: {error}.") from error
    try:
        roles.check_trust(request["RoleArn"], "sagemaker.amazonaws.com")
    except roles.RoleError as error:
        raise invalid(str(error)) from error


def _described(job: TrainingJob) -> dict[str, Any]:
    with job.lock:
        echo = copy.deepcopy(job.request)
        echo["AlgorithmSpecification"].setdefault("EnableSageMakerMetricsTimeSeries", False)
        echo["OutputDataConfig"].setdefault("KmsKeyId", "")
        for channel in echo.get("InputDataConfig") or []:
            channel.setdefault("CompressionType", "None")
            channel.setdefault("RecordWrapperType", "None")
        for switch in ("NetworkIsolation", "InterContainerTrafficEncryption", "ManagedSpotTraining"):
            echo.setdefault(f"Enable{switch}", False)
        seconds = None
        if job.start_time is not None:
            seconds = int(((job.end_time or utcnow()) - job.start_time).total_seconds())
        progress = {
            "TrainingJobArn": job.arn,
            "TrainingJobStatus": job.status,
            "SecondaryStatus": job.secondary_status or "Starting",
            "FailureReason": job.failure_reason,
            "CreationTime": job.creation_time,
            "TrainingStartTime": job.start_time,
            "TrainingEndTime": job.end_time,
            "LastModifiedTime": job.last_modified_time,
            "SecondaryStatusTransitions": copy.deepcopy(job.transitions),
            "FinalMetricDataList": list(job.metrics.values()) or None,
            "ModelArtifacts": {"S3ModelArtifacts": job.artifacts} if job.artifacts else None,
            "TrainingTimeInSeconds": seconds,
            "BillableTimeInSeconds": seconds if job.status in ENDED else None,
        }
    return dict(without_none({**echo, **progress}))
