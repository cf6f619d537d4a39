"""One attempt of a job as SageMaker's request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue.core.training.job import Job
from glue.core.training.record import Record
from glue.core.training.settings import Settings
from glue.core.training.words import Kind, Pool

OPERATIONS = {
    Kind.TRAINING: "CreateTrainingJob",
    Kind.TUNING: "CreateHyperParameterTuningJob",
    Kind.PROCESSING: "CreateProcessingJob",
}


@dataclass(frozen=True)
class Request:
    """An operation and its parameters. `kind` is what SageMaker runs: processing on spot is a training."""

    operation: str
    kind: Kind
    name: str
    params: Mapping[str, object]


def build(job: Job, *, attempt: int, pool: Pool, settings: Settings, best: Mapping[str, str] | None = None) -> Request:
    """Return the request of one attempt. `best`: the hyperparameters of the tuning that the job waits for."""
    raise NotImplementedError


def remote_kind(record: Record) -> Kind:
    """Return what SageMaker runs for a record that is launched: which Describe, Stop and List finds it."""
    raise NotImplementedError
