"""SageMaker processing jobs, which moto completes at once and without doing anything.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from sandbox.ext import sagemaker_rates
from sandbox.ext.sagemaker_common import (
    LOCK,
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
from sandbox.ext.sagemaker_training import check_name, check_role, check_type
from sandbox.runtime import context, jobs, processing, quota
from sandbox.runtime.processing import ProcessingJob
from sandbox.runtime.training_job import ENDED, instance_type, instances
from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Replace moto's processing job operations."""
    context.ensure(settings)
    patch(SageMakerResponse, create_processing_job, describe_processing_job, list_processing_jobs, stop_processing_job)


def create_processing_job(self: Any) -> ActionResult:
    """CreateProcessingJob: refused for what can never run, else InProgress."""
    request = params(self)
    name = request["ProcessingJobName"]
    check_name(name, "processingJobName")
    cluster = request["ProcessingResources"]["ClusterConfig"]
    check_type(instance_type(cluster), "processingResources.clusterConfig")
    check_role(request["RoleArn"])
    store = backend(self).processing_jobs
    with LOCK:
        identifier = arn(self, "processing-job", name)
        if name in store:
            raise in_use(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({identifier})"
            )
        use = quota.Use(self.current_account, "processing job", instance_type(cluster), instances(cluster))
        quota.take(identifier, use)
        tags = tags_of(request)
        job = store[name] = ProcessingJob(name, identifier, self.current_account, self.region, request, tags)
        job.changed.append(lambda: quota.give_back(identifier))
    here = context.current()
    jobs.runner(here).start(identifier, processing.run(here, job))
    return ActionResult({"ProcessingJobArn": identifier})


def describe_processing_job(self: Any) -> ActionResult:
    """DescribeProcessingJob: the request, and how far the job is."""
    job = _job(self)
    with job.lock:
        found = copy.deepcopy(job.request)
        found.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": int(processing.LIMIT)})
        found |= {**_times(job), "ProcessingStartTime": job.start_time}
    return ActionResult(without_none(found))


def list_processing_jobs(self: Any) -> ActionResult:
    """ListProcessingJobs: newest first. Two requests a second."""
    sagemaker_rates.limit(self.current_account, "ListProcessingJobs")
    request = params(self)
    status = request.get("StatusEquals")
    found = [job for job in list(backend(self).processing_jobs.values()) if matches(job, request)]
    found = [job for job in found if status in {None, job.status}]
    keys = {
        "CreationTime": lambda job: job.creation_time,
        "Name": lambda job: job.name,
        "Status": lambda job: job.status,
    }
    page, token = listed(found, request, sort_keys=keys)
    summaries = [without_none({"ProcessingJobName": job.name, **_times(job)}) for job in page]
    return ActionResult({"ProcessingJobSummaries": summaries, "NextToken": token})


def stop_processing_job(self: Any) -> EmptyResult:
    """StopProcessingJob: SIGTERM, 120 s to save what there is, then the end."""
    job = _job(self)
    with job.lock:
        if job.status in ENDED:
            raise invalid(f"The request was rejected because the processing job is in status {job.status}.")
        if job.status == "InProgress":
            job.enter("Stopping")
            job.stop.set()
    jobs.runner(context.current()).wake(job.arn)
    return EmptyResult()


def _times(job: ProcessingJob) -> dict[str, Any]:
    return {
        "ProcessingJobArn": job.arn,
        "ProcessingJobStatus": job.status,
        "FailureReason": job.failure_reason,
        "ExitMessage": job.exit_message,
        "CreationTime": job.creation_time,
        "LastModifiedTime": job.last_modified_time,
        "ProcessingEndTime": job.end_time,
    }


def _job(response: Any) -> ProcessingJob:
    job: ProcessingJob | None = backend(response).processing_jobs.get(params(response)["ProcessingJobName"])
    if job is None:
        raise invalid("Requested resource not found.")
    return job
