"""SageMaker training jobs, which moto completes at once and without training anything.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

import copy
import re
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from sandbox.ext import sagemaker_rates
from sandbox.ext.sagemaker_common import (
    LOCK,
    NAME,
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
from sandbox.runtime import context, job_access, jobs, quota, roles, training
from sandbox.runtime.training_job import ENDED, TrainingJob, instance_type, instances
from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Replace moto's training job operations."""
    context.ensure(settings)
    quota.forget()
    sagemaker_rates.forget()
    patch(SageMakerResponse, create_training_job, describe_training_job, list_training_jobs, stop_training_job)


def shutdown() -> None:
    """End all jobs."""
    jobs.stop()
    job_access.forget()


def create_training_job(self: Any) -> ActionResult:
    """CreateTrainingJob: refused for what can never run, else InProgress."""
    request = params(self)
    check(request)
    job = launch(backend(self), request, account=self.current_account, region=self.region)
    return ActionResult({"TrainingJobArn": job.arn})


def launch(
    registry: Any, request: dict[str, Any], *, account: str, region: str, tuning_job_arn: str | None = None
) -> TrainingJob:
    """Make a job that was checked, and begin. Raises ResourceInUse, and LimitExceededError for a quota."""
    name = request["TrainingJobName"]
    identifier = f"arn:aws:sagemaker:{region}:{account}:training-job/{name.lower()}"
    with LOCK:
        if name in registry.training_jobs:
            raise in_use(
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({identifier})"
            )
        config = request["ResourceConfig"]
        usage = "spot training job" if request.get("EnableManagedSpotTraining") else "training job"
        quota.take(identifier, quota.Use(account, usage, instance_type(config), instances(config)))
        tags = tags_of(request)
        job = TrainingJob(name, identifier, account, region, request, tags, tuning_job_arn=tuning_job_arn)
        job.changed.append(lambda: quota.give_back(identifier))
        registry.training_jobs[name] = job
    here = context.current()
    jobs.runner(here).start(identifier, training.run(here, job))
    return job


def describe_training_job(self: Any) -> ActionResult:
    """DescribeTrainingJob: the request, defaults filled in, and how far the job is."""
    return ActionResult(_described(_job(self)))


def list_training_jobs(self: Any) -> ActionResult:
    """ListTrainingJobs: newest first; StatusEquals is applied to the page, after MaxResults.

    A page with fewer jobs than asked for is therefore not the last one: NextToken says so. Two requests a second.
    """
    sagemaker_rates.limit(self.current_account, "ListTrainingJobs")
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
        stop(job)
    return EmptyResult()


def stop(job: TrainingJob) -> None:
    """Ask a job to end."""
    with job.lock:
        if job.status != "InProgress":
            return
        job.enter("Stopping", "Stopping")
        job.stop.set()
    jobs.runner(context.current()).wake(job.arn)


def _job(response: Any) -> TrainingJob:
    job: TrainingJob | None = backend(response).training_jobs.get(params(response)["TrainingJobName"])
    if job is None:
        raise invalid("Requested resource not found.")
    return job


def check(request: dict[str, Any]) -> None:
    """Raise ValidationException for a request that AWS refuses whatever its account has."""
    check_name(request["TrainingJobName"], "trainingJobName")
    check_type(instance_type(request["ResourceConfig"]), "resourceConfig")
    for definition in request["AlgorithmSpecification"].get("MetricDefinitions") or []:
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise invalid(f"The regular expression of metric {definition['Name']} is invalid: {error}.") from error
    _check_spot(request)
    check_role(request["RoleArn"])


def check_name(name: str, member: str, longest: int = 63) -> None:
    """Raise ValidationException unless this can be a job's name."""
    if not NAME.fullmatch(name) or len(name) > longest:
        raise invalid(
            f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member "
            rf"must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){{0,{longest - 1}}}"
        )


def check_type(kind: str, member: str) -> None:
    """Raise ValidationException unless this looks like an instance type."""
    if kind and not INSTANCE_TYPE.fullmatch(kind):
        raise invalid(
            f"1 validation error detected: Value '{kind}' at '{member}.instanceType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [ml.<family>.<size>]"
        )


def check_role(role_arn: str) -> None:
    """Raise ValidationException unless SageMaker may assume the role."""
    try:
        roles.check_trust(role_arn, "sagemaker.amazonaws.com")
    except roles.RoleError as error:
        raise invalid(str(error)) from error


def _check_spot(request: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html."""
    condition = request.get("StoppingCondition") or {}
    runtime, wait = condition.get("MaxRuntimeInSeconds") or 86400, condition.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if wait is None or wait < runtime:
            raise invalid(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif wait:
        raise invalid("MaxWaitTimeInSeconds above 0 is not supported when EnableManagedSpotTraining is set to false.")


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
        seconds, billable = job.seconds()
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
            "BillableTimeInSeconds": billable,
            "TuningJobArn": job.tuning_job_arn,
        }
    return dict(without_none({**echo, **progress}))
