"""Training jobs: the image's own program on the data of the channels; its model goes to S3.

Statuses: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
Managed spot training: https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator

from moto.core.utils import utcnow

from sandbox import faults
from sandbox.runtime import container, training_run
from sandbox.runtime.context import Context
from sandbox.runtime.jobs import Room, Steps
from sandbox.runtime.training_job import InternalError, JobError, TrainingJob

log = logging.getLogger(__name__)
LAUNCH = 60.0  # AWS seconds until the instances run
LOOK = 30.0  # AWS seconds between two looks for spot instances
INTERNAL = "InternalServerError: We encountered an internal error. Please try again."


def run(context: Context, job: TrainingJob) -> Steps:
    """Work through one job."""
    try:
        job.enter("Starting")
        outcome = ""
        while not outcome:
            outcome = yield from _instances(job)
            if not outcome:
                yield Room(len(job.hosts))
                outcome = _once(context, job)
        job.enter(outcome, "Completed" if outcome == "Completed" else "Stopped")
    except (JobError, container.StartError) as error:
        _fail(job, str(error))
    except Exception as error:
        log.exception("training job %s", job.name)
        _fail(job, f"InternalServerError: {error!r}")


def _fail(job: TrainingJob, reason: str) -> None:
    job.failure_reason = reason
    job.enter("Failed", "Failed")


def _instances(job: TrainingJob) -> Generator[float | Room, None, str]:
    """Wait for the instances. Return how the job ends without any, "" when they are there."""
    yield LAUNCH
    job.waited_s += LAUNCH
    while not job.stop.is_set():
        if not _reclaimed_elsewhere(job):
            _require_capacity(job)
            return ""
        if _left(job) < LOOK:
            return "MaxWaitTimeExceeded"
        yield LOOK
        job.waited_s += LOOK
    return "Stopped"


def _left(job: TrainingJob) -> float:
    """Seconds that a spot job may still wait and run: waiting passes in AWS's time, work in real time."""
    return job.condition("MaxWaitTimeInSeconds", 86400.0) - job.waited_s - job.ran_s


def _facts(job: TrainingJob) -> dict[str, str]:
    return {
        "account": job.account_id,
        "resource": job.name,
        "instance_type": job.instance_type,
        "purchase": "spot" if job.spot else "on-demand",
    }


def _reclaimed_elsewhere(job: TrainingJob) -> bool:
    return job.spot and faults.asks("no-spot-capacity", **_facts(job)) is not None


def _require_capacity(job: TrainingJob) -> None:
    """Raise JobError when no instances are to be had: a job that was accepted fails then.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html (FailureReason)
    """
    fault = faults.asks("training-capacity-error", **_facts(job))
    if fault is not None:
        reason = "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different "
        raise JobError(fault.text("message") or f"{reason}ML instance type or after some time.")


def _once(context: Context, job: TrainingJob) -> str:
    """Use the instances once. Return how the job ends, "" when it has to wait for instances again."""
    if job.stop.is_set():
        return "Stopped"
    job.start_time = job.start_time or utcnow()
    began = time.monotonic()
    try:
        _require_health(job)
        outcome = training_run.run(context, job, _interruption(job), left=_left(job))
    except InternalError:
        if job.retries >= int((job.request.get("RetryStrategy") or {}).get("MaximumRetryAttempts") or 0):
            raise
        job.retries += 1
        outcome = "Restarting"
    finally:
        job.ran_s += time.monotonic() - began
    if outcome not in {"Interrupted", "Restarting"}:
        return outcome
    job.enter(outcome)
    job.enter("Starting")
    return ""


def _require_health(job: TrainingJob) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RetryStrategy.html."""
    fault = faults.asks("training-internal-error", **_facts(job))
    if fault is not None:
        raise InternalError(fault.text("message") or INTERNAL)


def _interruption(job: TrainingJob) -> float | None:
    """After how many seconds of work the spot instances will be reclaimed; None: not this time."""
    if not job.spot:
        return None
    fault = faults.asks("spot-interruption", **_facts(job))
    return fault.number("after_s") if fault is not None else None
