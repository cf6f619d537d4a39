"""The record of a training job: what DescribeTrainingJob shows and each status change tells.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

from sandbox.events import sagemaker as events

log = logging.getLogger(__name__)
ENDED = frozenset({"Completed", "Failed", "Stopped"})
# What a spot instance costs of an on-demand one: an assumption, AWS says "up to 90 %" less
SPOT_SHARE = 0.3
SAID = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Interrupted": "The training job was interrupted: its managed spot instances were reclaimed",
    "Restarting": "Restarting the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}


class JobError(Exception):
    """The job fails. The message is its FailureReason."""


class InternalError(JobError):
    """AWS's own fault: such a job is started again as often as its RetryStrategy says."""


@dataclass
class TrainingJob:
    """One job. Lives in moto's own dictionary."""

    name: str
    arn: str
    account_id: str
    region: str
    request: dict[str, Any]
    tags: list[dict[str, str]]
    status: str = "InProgress"
    secondary_status: str = ""
    failure_reason: str | None = None
    transitions: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: str | None = None
    tuning_job_arn: str | None = None
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)
    start_time: datetime | None = None
    end_time: datetime | None = None
    ran_s: float = 0.0  # real seconds that its instances worked
    waited_s: float = 0.0  # AWS seconds that it waited for instances
    retries: int = 0
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    changed: list[Callable[[], object]] = field(default_factory=list, repr=False)  # told of its end

    @property
    def spot(self) -> bool:
        """Whether it runs on managed spot instances."""
        return bool(self.request.get("EnableManagedSpotTraining"))

    @property
    def hosts(self) -> list[str]:
        """Return the names of its instances."""
        return [f"algo-{number + 1}" for number in range(instances(self.request["ResourceConfig"]))]

    @property
    def instance_type(self) -> str:
        """Return the type of its instances, of the first group when there are several."""
        return instance_type(self.request.get("ResourceConfig") or {})

    def condition(self, name: str, default: float) -> float:
        """Return a limit of the StoppingCondition, in seconds."""
        return float((self.request.get("StoppingCondition") or {}).get(name) or default)

    def seconds(self) -> tuple[int | None, int | None]:
        """Return TrainingTimeInSeconds and BillableTimeInSeconds; None before there are any.

        The saving of managed spot training is 1 - billable / training:
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
        """
        if self.start_time is None:
            return None, None
        if self.status not in ENDED:
            return int((utcnow() - self.start_time).total_seconds()), None
        ran = max(1, math.ceil(self.ran_s))
        return ran, int(ran * SPOT_SHARE) if self.spot else ran

    def enter(self, secondary: str, status: str | None = None) -> None:
        """Go to a secondary status, and with it perhaps to another status."""
        with self.lock:
            now = utcnow()
            if self.transitions:
                self.transitions[-1]["EndTime"] = now
            self.transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": SAID[secondary]})
            self.secondary_status, self.last_modified_time = secondary, now
            self.status = status or self.status
            if self.status in ENDED:
                self.transitions[-1]["EndTime"] = now
                self.end_time = now
                for tell in self.changed:
                    tell()
        log.info("training job %s of %s: %s", self.name, self.account_id, secondary)
        events.training_job(self)


def instances(config: dict[str, Any]) -> int:
    """Return how many instances a ResourceConfig asks for."""
    groups = config.get("InstanceGroups") or [config]
    return sum(int(group.get("InstanceCount") or 1) for group in groups)


def instance_type(config: dict[str, Any]) -> str:
    """Return the instance type of a ResourceConfig, of the first group when there are several."""
    return str(next(iter(config.get("InstanceGroups") or [config])).get("InstanceType") or "")
