"""A job document, understood: what a scientist asked for, with every default filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from glue.core.training.words import Kind
from glue.errors import RefusedError

# (operation, its parameters) -> what botocore's service model has against them, one sentence each
Validate = Callable[[str, Mapping[str, object]], Sequence[str]]


class JobError(RefusedError):
    """A document that cannot become a job (exit 3). `problems` has one clear sentence for each thing to mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Spot:
    """Managed spot training: so many attempts, each waiting so long in all; then on demand."""

    max_wait_minutes: int
    attempts: int = 2


@dataclass(frozen=True)
class Retry:
    """How often a job is tried again after errors of its own, and after AWS's; and when it is given up."""

    algorithm: int = 0
    transient: int = 10
    give_up_after_hours: float = 168


@dataclass(frozen=True)
class Bound:
    """What a metric must reach; None: no bound on that side."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Release:
    """A completed training becomes a release when its metrics are within the bounds."""

    bounds: Mapping[str, Bound] = field(default_factory=dict)
    commit: str | None = None
    golden: bool = False
    container_env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A validated job. `document` is the canonical document with defaults; `text` its one JSON text (JobArgs)."""

    id: str
    kind: Kind
    model: str
    owner: str
    priority: int
    instance_type: str
    instance_count: int
    fallbacks: tuple[str, ...]
    spot: Spot | None
    retry: Retry
    hyperparameters_from: str | None
    release: Release | None
    arguments: Mapping[str, object]
    text: str
    digest: str


def parse(
    document: Mapping[str, object],
    *,
    settings: object,
    caller: str,
    now: int,
    nonce: str,
    validate: Validate,
) -> Job:
    """Return the job. Raises JobError with all problems at once. `caller` is the caller's session name."""
    raise NotImplementedError
