"""A completed training job as a release: its terms, its metrics held against their bounds, where it came from.

Facts are DescribeTrainingJob's
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from glue.core import secrets
from glue.core.strictjson import StrictObject, loads
from glue.core.training.job import Bound, Release
from glue.core.training.record import Record

SCHEMA = 1
DOCUMENT_LIMIT = 256 * 1024
WORKING, RELEASED, REFUSED, FAILED = "working", "released", "refused", "failed"
FINAL = frozenset({RELEASED, REFUSED})
_SHOWN = 200  # characters of one hyperparameter that a manifest keeps


@dataclass(frozen=True)
class Trained:
    """A training job as SageMaker describes it. Times are RFC 3339, None when SageMaker does not say."""

    name: str
    status: str
    image: str
    archive: str | None
    metrics: Mapping[str, float]
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, str]  # name to S3 URI
    started: str | None
    ended: str | None
    seconds: int | None
    billable_seconds: int | None
    instance_type: str | None
    instance_count: int | None
    spot: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a job's release. `reasons` say why it was refused, or what failed."""

    result: str
    reasons: tuple[str, ...] = ()
    release: str | None = None
    created: bool = False
    package_arn: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


def terms_of(arguments: str) -> Release | None:
    """Return the release settings in a job's document (JobArgs), None when it is not to become a release.

    Raises ValueError when they are not usable: whoever wrote them was not the queue's submit function.
    """
    document = loads(arguments.encode(), limit=DOCUMENT_LIMIT)
    if not isinstance(document, dict):
        raise ValueError("the job's document is not an object")
    if document.get("release") is None:
        return None
    read = StrictObject(document, "the job's document").nested("release")
    terms = Release(
        bounds=_bounds(read.nested("bounds")) if read.has("bounds") else {},
        commit=read.optional_text("commit"),
        golden=read.flag("golden") if read.has("golden") else True,
        container_env=read.texts("container_env") if read.has("container_env") else {},
    )
    read.close()
    return terms


def _bounds(read: StrictObject) -> dict[str, Bound]:
    found = {}
    for name in read.keys():  # noqa: SIM118 - not a mapping
        entry = read.nested(name)
        least, most = (
            entry.number(side) if entry.has(side) and entry.value(side) is not None else None for side in ("min", "max")
        )
        entry.close()
        found[name] = Bound(least, most)
    return found


def trained_of(answer: Mapping[str, Any]) -> Trained:
    """Return what DescribeTrainingJob answered."""
    resources = answer.get("ResourceConfig") or {}
    return Trained(
        name=answer["TrainingJobName"],
        status=answer["TrainingJobStatus"],
        image=str((answer.get("AlgorithmSpecification") or {}).get("TrainingImage") or ""),
        archive=(answer.get("ModelArtifacts") or {}).get("S3ModelArtifacts"),
        metrics={one["MetricName"]: float(one["Value"]) for one in answer.get("FinalMetricDataList") or []},
        hyperparameters=dict(answer.get("HyperParameters") or {}),
        channels={
            one["ChannelName"]: str(((one.get("DataSource") or {}).get("S3DataSource") or {}).get("S3Uri") or "")
            for one in answer.get("InputDataConfig") or []
        },
        started=_written(answer.get("TrainingStartTime")),
        ended=_written(answer.get("TrainingEndTime")),
        seconds=answer.get("TrainingTimeInSeconds"),
        billable_seconds=answer.get("BillableTimeInSeconds"),
        instance_type=resources.get("InstanceType"),
        instance_count=resources.get("InstanceCount"),
        spot=bool(answer.get("EnableManagedSpotTraining")),
    )


def missed(bounds: Mapping[str, Bound], *, archive: Mapping[str, float], job: Mapping[str, float]) -> tuple[str, ...]:
    """Return a sentence for each bound that does not hold; none when all do.

    A bound must hold for every value that there is: in metrics.json of the archive, and in the metrics that SageMaker
    parsed from the job's log. A metric that neither has holds no bound.
    """
    found = []
    for name, bound in sorted(bounds.items()):
        values = [("metrics.json", archive[name], False)] if name in archive else []
        values += [("the job's log", job[name], True)] if name in job else []
        if not values:
            found.append(f"{name} has a bound, and neither metrics.json in the archive nor the job's log has a value")
        for where, value, single in values:
            if (said := _misses(value, bound, single=single)) is not None:
                found.append(f"{name} is {value:g} ({where}), {said}")
    return tuple(found)


def _misses(value: float, bound: Bound, *, single: bool) -> str | None:
    """Return how a value misses a bound. SageMaker's own metrics have single precision: so has their bound then."""
    if not math.isfinite(value):
        return "not a finite number"
    if bound.min is not None and value < (_single(bound.min) if single else bound.min):
        return f"less than its bound {bound.min:g}"
    if bound.max is not None and value > (_single(bound.max) if single else bound.max):
        return f"more than its bound {bound.max:g}"
    return None


def _single(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return value


def metrics_of(*, archive: Mapping[str, float], job: Mapping[str, float]) -> dict[str, float]:
    """Return a release's metrics: the archive's, and what only the job's log has. What is not finite is left out."""
    return {name: value for name, value in job.items() if math.isfinite(value)} | dict(archive)


def provenance(
    record: Record, trained: Trained, terms: Release, data: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    """Return what a manifest says of a release's training. `data` describes the channels' objects, where known.

    A manifest is read in every account: a hyperparameter that looks like a secret is left out, and long ones are cut.
    """
    return {
        "job": record.job,
        "job_name": trained.name,
        "attempt": record.attempt,
        "owner": record.owner,
        "submitted_by": record.submitted_by,
        "started": trained.started,
        "ended": trained.ended,
        "seconds": trained.seconds,
        "billable_seconds": trained.billable_seconds,
        "instance_type": trained.instance_type,
        "instance_count": trained.instance_count,
        "spot": trained.spot,
        "image": trained.image,
        "hyperparameters": {name: _shown(name, value) for name, value in sorted(trained.hyperparameters.items())},
        "channels": {name: {"s3_uri": uri, **data.get(name, {})} for name, uri in sorted(trained.channels.items())},
        "bounds": {name: asdict(bound) for name, bound in sorted(terms.bounds.items())},
    }


def shortened(training: Mapping[str, object], *, limit: int) -> dict[str, object]:
    """Return provenance of at most `limit` characters: without the hyperparameters when they are too many."""
    if len(json.dumps(training)) <= limit:
        return dict(training)
    return {**training, "hyperparameters": "(left out: too long; DescribeTrainingJob has them)"}


def _shown(name: str, value: str) -> str:
    if (why := secrets.looks_secret(name, value)) is not None:
        return f"(left out: {why})"
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}… ({len(value)} characters)"


def commit_tag(tags: Sequence[str]) -> str | None:
    """Return the commit that an image's tags name: 40 hex digits (64 with SHA-256), None when no tag is one.

    The same image may be that of several commits; any of them made it, and it is always the same one of them.
    """
    found = [tag for tag in tags if len(tag) in {40, 64} and not set(tag) - set("0123456789abcdef")]
    return min(found, default=None)


def key_of(job: str) -> str:
    """Return where the outcome of a job's release lies in the artifact store."""
    return f"training/{job}/release.json"


def encode(record: Record, outcome: Outcome, *, at: datetime, attempt: int = 1) -> bytes:
    """Return the bytes of a job's release.json. `attempt` counts how often it was tried."""
    document = {
        "schema": SCHEMA,
        "job": record.job,
        "remote_name": record.remote_name,
        "attempt": record.attempt,
        **asdict(outcome),
        "reasons": list(outcome.reasons),
        "tries": attempt,
        "at": _written(at),
    }
    return f"{json.dumps(document, indent=2, sort_keys=True, allow_nan=False)}\n".encode()


def parse(data: bytes, *, remote_name: str) -> Outcome | None:
    """Return the outcome that a release.json tells of, None when it is of another attempt or not one at all."""
    try:
        document = loads(data, limit=DOCUMENT_LIMIT)
        if not isinstance(document, dict) or document.get("remote_name") != remote_name:
            return None
        read = StrictObject(document, "release.json")
        return Outcome(
            result=read.text("result"),
            reasons=read.text_list("reasons"),
            release=read.optional_text("release"),
            created=read.flag("created"),
            package_arn=read.optional_text("package_arn"),
            metrics=read.numbers("metrics"),
        )
    except ValueError:
        return None


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
