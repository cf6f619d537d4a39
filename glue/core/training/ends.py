"""How SageMaker tells that a job has ended: by event, by description, by listing. All become one `End`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue.core.training.words import Kind


@dataclass(frozen=True)
class End:
    """The end of one remote job. What the source does not tell is None; times are epoch milliseconds."""

    kind: Kind  # what SageMaker ran: a processing job on spot is a training
    name: str
    status: str  # Completed, Failed, Stopped: SageMaker's own word
    reason: str | None = None  # FailureReason or ExitMessage
    secondary: str | None = None  # MaxRuntimeExceeded, MaxWaitTimeExceeded, Interrupted, ...
    started_at: int | None = None
    ended_at: int | None = None
    training_seconds: int | None = None
    billable_seconds: int | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    spot: bool | None = None
    best: Mapping[str, object] | None = None  # tuning: BestTrainingJob
    complete: bool = True  # False: from a listing, which tells no reason of a failure


def of_event(event: Mapping[str, object]) -> End | None:
    """Return the end that an EventBridge event tells of; None when it is no terminal state change of a job."""
    raise NotImplementedError


def of_description(kind: Kind, answer: Mapping[str, object]) -> End | None:
    """Return the end that a Describe* answer tells of; None while the job runs."""
    raise NotImplementedError


def of_summary(kind: Kind, summary: Mapping[str, object]) -> End | None:
    """Return the end that an entry of a List* answer tells of (`complete` is False); None while the job runs."""
    raise NotImplementedError
