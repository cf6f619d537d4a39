"""SageMaker hyperparameter tuning jobs, which moto keeps and never runs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from sandbox.ext import sagemaker_rates, sagemaker_training
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
from sandbox.runtime import context, jobs, tuning, tuning_points
from sandbox.runtime.training_job import ENDED
from sandbox.runtime.tuning import Child, TuningJob
from sandbox.settings import Settings

NAME_LIMIT = 32
MOST_JOBS, MOST_AT_ONCE = 750, 100  # https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html


def install(settings: Settings) -> None:
    """Replace moto's tuning job operations."""
    context.ensure(settings)
    patch(
        SageMakerResponse,
        create_hyper_parameter_tuning_job,
        describe_hyper_parameter_tuning_job,
        list_hyper_parameter_tuning_jobs,
        list_training_jobs_for_hyper_parameter_tuning_job,
        stop_hyper_parameter_tuning_job,
    )


def create_hyper_parameter_tuning_job(self: Any) -> ActionResult:
    """CreateHyperParameterTuningJob: refused for what can never run, else InProgress."""
    request = params(self)
    name = request["HyperParameterTuningJobName"]
    _check(request)
    registry = backend(self)
    with LOCK:
        identifier = arn(self, "hyper-parameter-tuning-job", name)
        if name in registry.hyper_parameter_tuning_jobs:
            raise in_use(
                "Hyperparameter tuning job names must be unique within an AWS account and region, and a tuning job "
                f"with this name already exists ({identifier})"
            )
        tags = tags_of(request)
        job = TuningJob(name, identifier, self.current_account, self.region, request, tags)
        registry.hyper_parameter_tuning_jobs[name] = job
    runner = jobs.runner(context.current())

    def launch(wanted: dict[str, Any]) -> Any:
        made = sagemaker_training.launch(
            registry, wanted, account=job.account_id, region=job.region, tuning_job_arn=identifier
        )
        made.changed.append(lambda: runner.wake(identifier))
        return made

    runner.start(identifier, tuning.run(job, launch, sagemaker_training.stop))
    return ActionResult({"HyperParameterTuningJobArn": identifier})


def describe_hyper_parameter_tuning_job(self: Any) -> ActionResult:
    """DescribeHyperParameterTuningJob: the request, how far it is, and the best training job."""
    job = _job(self)
    best = job.best()
    found = copy.deepcopy(job.request)
    found |= {**_summary(job), "FailureReason": job.failure_reason, "BestTrainingJob": best and _child(job, best)}
    return ActionResult(without_none(found))


def list_hyper_parameter_tuning_jobs(self: Any) -> ActionResult:
    """ListHyperParameterTuningJobs: by name unless asked otherwise. Two requests a second."""
    sagemaker_rates.limit(self.current_account, "ListHyperParameterTuningJobs")
    request = params(self)
    status = request.get("StatusEquals")
    found = [job for job in list(backend(self).hyper_parameter_tuning_jobs.values()) if matches(job, request)]
    found = [job for job in found if status in {None, job.status}]
    keys = {
        "CreationTime": lambda job: job.creation_time,
        "Name": lambda job: job.name,
        "Status": lambda job: job.status,
    }
    page, token = listed(found, request, sort_keys=keys, default_sort="Name", default_order="Ascending")
    more = [{"Strategy": job.config["Strategy"], "ResourceLimits": job.config["ResourceLimits"]} for job in page]
    summaries = [
        without_none({"HyperParameterTuningJobName": job.name, **_summary(job), **one})
        for job, one in zip(page, more, strict=True)
    ]
    return ActionResult({"HyperParameterTuningJobSummaries": summaries, "NextToken": token})


def list_training_jobs_for_hyper_parameter_tuning_job(self: Any) -> ActionResult:
    """ListTrainingJobsForHyperParameterTuningJob, by name unless asked otherwise."""
    request, job = params(self), _job(self)
    children = [one for one in list(job.children) if request.get("StatusEquals") in {None, one.job.status}]
    keys = {
        "Name": lambda one: one.job.name,
        "CreationTime": lambda one: one.job.creation_time,
        "Status": lambda one: one.job.status,
        "FinalObjectiveMetricValue": lambda one: (job.value(one) is not None, job.value(one) or 0.0),
    }
    if request.get("SortBy") == "FinalObjectiveMetricValue":  # those without one are left out
        children = [one for one in children if job.value(one) is not None]
    page, token = listed(children, request, sort_keys=keys, default_sort="Name", default_order="Ascending")
    return ActionResult({"TrainingJobSummaries": [without_none(_child(job, one)) for one in page], "NextToken": token})


def stop_hyper_parameter_tuning_job(self: Any) -> EmptyResult:
    """StopHyperParameterTuningJob: its training jobs are stopped, and it ends when they have."""
    job = _job(self)
    with job.lock:
        if job.status in ENDED:
            raise invalid(f"The request was rejected because the tuning job is in status {job.status}.")
        if job.status == "InProgress":
            job.enter("Stopping")
            job.stop.set()
    jobs.runner(context.current()).wake(job.arn)
    return EmptyResult()


def _summary(job: TuningJob) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobStatus": job.status,
        "CreationTime": job.creation_time,
        "LastModifiedTime": job.last_modified_time,
        "HyperParameterTuningEndTime": job.end_time,
        "TrainingJobStatusCounters": job.counters(),
        "ObjectiveStatusCounters": job.objective_counters(),
    }


def _child(job: TuningJob, child: Child) -> dict[str, Any]:
    value, one = job.value(child), child.job
    metric = {"Type": job.objective["Type"], "MetricName": job.objective["MetricName"], "Value": value}
    return {
        "TrainingJobName": one.name,
        "TrainingJobArn": one.arn,
        "CreationTime": one.creation_time,
        "TrainingStartTime": one.start_time,
        "TrainingEndTime": one.end_time,
        "TrainingJobStatus": one.status,
        "TunedHyperParameters": dict(child.tuned),
        "FailureReason": one.failure_reason,
        "FinalHyperParameterTuningJobObjectiveMetric": metric if value is not None else None,
        "ObjectiveStatus": job.objective_status(child),
    }


def _job(response: Any) -> TuningJob:
    store = backend(response).hyper_parameter_tuning_jobs
    job: TuningJob | None = store.get(params(response)["HyperParameterTuningJobName"])
    if job is None:
        raise invalid("Requested resource not found.")
    return job


def _check(request: dict[str, Any]) -> None:
    name, config = request["HyperParameterTuningJobName"], request["HyperParameterTuningJobConfig"]
    sagemaker_training.check_name(name, "hyperParameterTuningJobName", NAME_LIMIT)
    if "TrainingJobDefinition" not in request or request.get("WarmStartConfig"):
        raise invalid("The sandbox tunes one TrainingJobDefinition, without WarmStartConfig.")
    if config.get("TrainingJobEarlyStoppingType") not in {None, "Off"}:
        raise invalid("The sandbox has no early stopping of training jobs: TrainingJobEarlyStoppingType is Off.")
    try:
        tuning_points.check(tuning.ranges(request), config["Strategy"])
    except ValueError as error:
        raise invalid(str(error)) from error
    _check_limits(request)
    _check_objective(request)
    # what no training job could be made of is refused now, not with the first of them
    sagemaker_training.check(tuning.child_request(name, request, {}, []))


def _check_limits(request: dict[str, Any]) -> None:
    config = request["HyperParameterTuningJobConfig"]
    limits, grid = config["ResourceLimits"], config["Strategy"] == "Grid"
    most, at_once = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    if most is None and not grid:
        raise invalid("MaxNumberOfTrainingJobs is required unless the strategy is Grid.")
    size = tuning_points.grid_size(tuning.ranges(request)) if grid else most
    if most is not None and grid and most != size:
        raise invalid(f"MaxNumberOfTrainingJobs must equal the {size} combinations of a grid search, or be left out.")
    if size > MOST_JOBS or at_once > MOST_AT_ONCE:
        raise invalid(f"A tuning job has at most {MOST_JOBS} training jobs, and {MOST_AT_ONCE} at once.")


def _check_objective(request: dict[str, Any]) -> None:
    wanted = tuning.objective(request)
    if not wanted:
        raise invalid("HyperParameterTuningJobObjective is required.")
    metrics = request["TrainingJobDefinition"]["AlgorithmSpecification"].get("MetricDefinitions") or []
    if wanted["MetricName"] not in {one["Name"] for one in metrics}:
        raise invalid(f"The objective metric {wanted['MetricName']} is not defined in MetricDefinitions.")
