"""Hyperparameter tuning jobs: real training jobs with hyperparameters that a strategy picks; the best of them wins.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHyperParameterTuningJob.html
"""

from __future__ import annotations

import copy
import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

from sandbox.events import sagemaker as events
from sandbox.runtime import tuning_points
from sandbox.runtime.jobs import Steps
from sandbox.runtime.quota import LimitExceededError
from sandbox.runtime.training_job import ENDED, TrainingJob

log = logging.getLogger(__name__)
LOOK = 60.0  # AWS seconds between two looks; the end of a training job ends the wait
HOPELESS = 5  # attempts without one that succeeds
OBJECTIVE = "_tuning_objective_metric"  # the hyperparameter that names it, as SageMaker adds it
_COPIED = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "RetryStrategy",
    "Environment",
)
Launch = Callable[[dict[str, Any]], TrainingJob]  # may raise LimitExceededError


@dataclass
class Child:
    """One training job of a tuning job, and what was tried in it."""

    job: TrainingJob
    tuned: dict[str, str]


@dataclass
class TuningJob:
    """One tuning job. Lives in moto's own dictionary."""

    name: str
    arn: str
    account_id: str
    region: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    status: str = "InProgress"
    failure_reason: str | None = None
    children: list[Child] = field(default_factory=list)
    refused: dict[str, str] | None = None  # hyperparameters whose training job met a quota: next time
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)
    end_time: datetime | None = None
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def config(self) -> dict[str, Any]:
        """Return strategy, limits, objective, ranges."""
        return dict(self.request["HyperParameterTuningJobConfig"])

    @property
    def objective(self) -> dict[str, str]:
        """Return type and name of the metric."""
        return objective(self.request)

    @property
    def most(self) -> int:
        """How many training jobs there are to be."""
        asked = self.config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
        return int(asked or tuning_points.grid_size(ranges(self.request)))

    def enter(self, status: str) -> None:
        """Go to a status."""
        with self.lock:
            self.status, self.last_modified_time = status, utcnow()
            self.end_time = self.last_modified_time if status in ENDED else None
        log.info("tuning job %s of %s: %s", self.name, self.account_id, status)
        events.tuning_job(self)

    def value(self, child: Child) -> float | None:
        """Return the objective of a training job that completed."""
        found = child.job.metrics.get(self.objective["MetricName"])
        return float(found["Value"]) if found and child.job.status == "Completed" else None

    def best(self) -> Child | None:
        """Return the best training job so far; the first of equals."""
        sign = 1 if self.objective["Type"] == "Maximize" else -1
        rated = [(value, child) for child in list(self.children) if (value := self.value(child)) is not None]
        return max(rated, key=lambda one: sign * one[0])[1] if rated else None

    def objective_status(self, child: Child) -> str:
        """Return Pending, Succeeded or Failed."""
        if child.job.status not in ENDED:
            return "Pending"
        return "Failed" if self.value(child) is None else "Succeeded"

    def counters(self) -> dict[str, int]:
        """Return TrainingJobStatusCounters."""
        names = Counter(_counted(child.job) for child in list(self.children))
        kinds = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
        return {kind: names[kind] for kind in kinds}

    def objective_counters(self) -> dict[str, int]:
        """Return ObjectiveStatusCounters."""
        names = Counter(self.objective_status(child) for child in list(self.children))
        return {kind: names[kind] for kind in ("Succeeded", "Pending", "Failed")}


def definition(request: dict[str, Any]) -> dict[str, Any]:
    """Return the one training job definition."""
    return dict(request["TrainingJobDefinition"])


def ranges(request: dict[str, Any]) -> dict[str, Any]:
    """Return the parameter ranges of a CreateHyperParameterTuningJob request."""
    own = definition(request).get("HyperParameterRanges")
    return dict(own or request["HyperParameterTuningJobConfig"].get("ParameterRanges") or {})


def objective(request: dict[str, Any]) -> dict[str, str]:
    """Return the objective of a request, {} when it has none."""
    own = definition(request).get("TuningObjective")
    return dict(own or request["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective") or {})


def child_request(name: str, request: dict[str, Any], tuned: dict[str, str], tags: list[Any]) -> dict[str, Any]:
    """Return the CreateTrainingJob request for hyperparameters; the tuning job's tags are its training jobs' tags.

    Checkpoints of a training job lie below its own name (assumption), so that no two go on from each other's.
    """
    own = definition(request)
    made = {key: copy.deepcopy(own[key]) for key in _COPIED if key in own}
    static = own.get("StaticHyperParameters") or {}
    metric = {OBJECTIVE: objective(request)["MetricName"]}
    made |= {"TrainingJobName": name, "HyperParameters": {**static, **tuned, **metric}, "Tags": copy.deepcopy(tags)}
    checkpoints = own.get("CheckpointConfig")
    if checkpoints:
        made["CheckpointConfig"] = {**checkpoints, "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}"}
    return made


def run(tuning: TuningJob, launch: Launch, stop: Callable[[TrainingJob], None]) -> Steps:
    """Work through one tuning job. `launch` begins a training job, `stop` asks one to end."""
    config = tuning.config
    points = tuning_points.points(ranges(tuning.request), config["Strategy"], config.get("RandomSeed"))
    ends = time.monotonic() + float(config["ResourceLimits"].get("MaxRuntimeInSeconds") or 30 * 86400)
    try:
        tuning.enter("InProgress")
        seen = tuning.counters()
        while not _over(tuning):
            if tuning.stop.is_set() or time.monotonic() > ends:
                tuning.stop.set()
                for child in tuning.children:
                    stop(child.job)
            else:
                _launch_more(tuning, points, launch)
            if tuning.counters() != seen:
                seen = tuning.counters()
                events.tuning_job(tuning)
            yield LOOK
        tuning.enter(_outcome(tuning))
    except Exception as error:
        log.exception("tuning job %s", tuning.name)
        tuning.failure_reason = f"InternalServerError: {error!r}"
        tuning.enter("Failed")


def _open(tuning: TuningJob) -> int:
    return sum(child.job.status not in ENDED for child in tuning.children)


def _over(tuning: TuningJob) -> bool:
    if _open(tuning):
        return False
    return tuning.stop.is_set() or len(tuning.children) >= tuning.most or _hopeless(tuning)


def _hopeless(tuning: TuningJob) -> bool:
    ended = [child for child in tuning.children if child.job.status in ENDED]
    return len(ended) >= HOPELESS and all(tuning.value(child) is None for child in ended)


def _launch_more(tuning: TuningJob, points: Iterator[dict[str, str]], launch: Launch) -> None:
    at_once = int(tuning.config["ResourceLimits"]["MaxParallelTrainingJobs"])
    free = min(at_once - _open(tuning), tuning.most - len(tuning.children))
    if _hopeless(tuning):
        return
    for _ in range(free):
        tuned = tuning.refused or next(points)
        name = f"{tuning.name}-{len(tuning.children) + 1:03d}-{secrets.token_hex(4)}"
        try:
            job = launch(child_request(name, tuning.request, tuned, tuning.tags))
        except LimitExceededError as error:  # the next look may find room
            log.warning("tuning job %s: %s", tuning.name, error)
            tuning.refused = tuned
            return
        tuning.refused = None
        tuning.children.append(Child(job, tuned))


def _outcome(tuning: TuningJob) -> str:
    if tuning.stop.is_set():
        return "Stopped"
    if tuning.best() is not None:
        return "Completed"
    tuning.failure_reason = (
        f"No training job succeeded after {len(tuning.children)} attempts. For additional details, please take a look "
        "at the training job failures by listing training jobs for the hyperparameter tuning job."
    )
    return "Failed"


def _counted(job: TrainingJob) -> str:
    """What a training job counts as."""
    if job.status == "Failed":
        again = str(job.failure_reason).startswith(("CapacityError", "InternalServerError"))
        return "RetryableError" if again else "NonRetryableError"
    return job.status if job.status in ENDED else "InProgress"
