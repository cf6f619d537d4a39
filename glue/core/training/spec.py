"""A job document, understood: what a scientist asked for, with every default filled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from glue.core.training import arguments as args
from glue.core.training.document import canonical
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
    golden: bool = True
    container_env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A validated job. `text` is its canonical document, defaults filled in (JobArgs)."""

    id: str
    kind: Kind
    model: str
    owner: str
    priority: int
    instance_types: tuple[str, ...]  # the arguments' own first, then the fallbacks
    instance_count: int  # instances at once: a tuning's parallel trainings together
    spot: Spot | None
    retry: Retry
    hyperparameters_from: str | None
    release: Release | None
    arguments: Mapping[str, object]
    digest: str  # of the document without an owner that was filled in

    @property
    def text(self) -> str:
        """JobArgs: the one JSON text of the job, from which `of_text` makes it again."""
        return canonical(self.document())

    @property
    def instance_type(self) -> str:
        """The first choice."""
        return self.instance_types[0]

    @property
    def fallbacks(self) -> str | None:
        """The attribute `fallbacks`: all types when there are several."""
        return ",".join(self.instance_types) if len(self.instance_types) > 1 else None

    @property
    def max_runtime_seconds(self) -> int | None:
        """The longest run that the arguments allow."""
        return args.max_runtime(self.kind, self.arguments)

    def document(self) -> dict[str, object]:
        """Return the document with every default filled in."""
        found: dict[str, object] = {
            "id": self.id,
            "kind": str(self.kind),
            "model": self.model,
            "owner": self.owner,
            "priority": self.priority,
            "instance_types": list(self.instance_types[1:]),
            "retry": {
                "algorithm": self.retry.algorithm,
                "transient": self.retry.transient,
                "give_up_after_hours": self.retry.give_up_after_hours,
            },
            "arguments": dict(self.arguments),
        }
        if self.spot is not None:
            found["spot"] = {"max_wait_minutes": self.spot.max_wait_minutes, "attempts": self.spot.attempts}
        if self.hyperparameters_from is not None:
            found["hyperparameters_from"] = self.hyperparameters_from
        if self.release is not None:
            found["release"] = _release_document(self.release)
        return found


def of_text(text: str) -> Job:
    """Return the job of a stored JobArgs. Raises ValueError when it is none: what was stored was validated once."""
    try:
        found = json.loads(text)
        kind = Kind(found["kind"])
        asked = args.resources(kind, found["arguments"])
        own = () if asked.instance_type is None else (asked.instance_type,)
        types = tuple(dict.fromkeys((*own, *(str(entry) for entry in found["instance_types"]))))
        if not types:
            raise ValueError("no instance type")
        spot, release = found.get("spot"), found.get("release")
        return Job(
            id=str(found["id"]),
            kind=kind,
            model=str(found["model"]),
            owner=str(found["owner"]),
            priority=int(found["priority"]),
            instance_types=types,
            instance_count=asked.instance_count,
            spot=Spot(int(spot["max_wait_minutes"]), int(spot["attempts"])) if spot else None,
            retry=Retry(**found["retry"]),
            hyperparameters_from=found.get("hyperparameters_from"),
            release=_read_release(release) if release else None,
            arguments=dict(found["arguments"]),
            digest="",
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"its document cannot be read: {type(error).__name__}: {error}") from error


def digest_of(document: Mapping[str, object]) -> str:
    """Return the SHA-256 (hex) of a document's canonical text: tells one job from another of the same id."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def new_id(model: str, now: int, nonce: str, *, kind: Kind = Kind.TRAINING) -> str:
    """Return an id for a job without one: `<model>-<yyyymmdd>t<hhmmss>-<6 hex>`; shorter for a tuning's 28 characters.

    `now` is in epoch milliseconds. The same words give the same id: a client makes it before the first try.
    """
    made = datetime.fromtimestamp(now / 1000, UTC)
    tail = hashlib.sha256(f"{kind}\n{model}\n{now}\n{nonce}".encode()).hexdigest()
    if kind is Kind.TUNING:
        return f"{model[:10].rstrip('-')}-{made:%Y%m%d}-{tail[:8]}"
    return f"{model[:36].rstrip('-')}-{made:%Y%m%dt%H%M%S}-{tail[:6]}"


def _release_document(release: Release) -> dict[str, object]:
    return {
        "bounds": {name: {"min": bound.min, "max": bound.max} for name, bound in release.bounds.items()},
        "commit": release.commit,
        "golden": release.golden,
        "container_env": dict(release.container_env),
    }


def _read_release(found: Mapping[str, object]) -> Release:
    bounds = found["bounds"]
    environment = found["container_env"]
    commit = found["commit"]
    if not isinstance(bounds, Mapping) or not isinstance(environment, Mapping):
        raise TypeError("release")
    return Release(
        bounds={str(name): Bound(entry["min"], entry["max"]) for name, entry in bounds.items()},
        commit=None if commit is None else str(commit),
        golden=bool(found["golden"]),
        container_env={str(name): str(value) for name, value in environment.items()},
    )
