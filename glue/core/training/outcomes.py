"""What an error of Create* means, and what the end of an attempt means: terminal, or again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from glue.core.training import cost, keys
from glue.core.training.ends import End
from glue.core.training.launching import Launch, launch_error
from glue.core.training.record import Record
from glue.core.training.settings import Settings
from glue.core.training.spec import Job
from glue.core.training.words import Kind, Purchase, Status

__all__ = [
    "Again",
    "Cause",
    "Draw",
    "Launch",
    "PutBack",
    "Terminal",
    "backoff_ms",
    "concerns",
    "decide",
    "launch_error",
    "lost",
    "next_type",
    "not_made",
    "refused",
]

Draw = Callable[[], float]  # a random number in [0, 1)
HOUR_MS = 3_600_000
DENIED_MS = 10 * 60_000


class Cause(StrEnum):
    """Why an attempt ended without success."""

    STOPPED = "stopped"
    RUNTIME = "ran longer than MaxRuntimeInSeconds"
    WAIT = "found no spot capacity within its maximum wait"
    INTERRUPTED = "lost its spot instances"
    CAPACITY = "found no capacity"
    INTERNAL = "failed inside SageMaker"
    ALGORITHM = "failed"
    CLIENT = "was asked for wrongly"


@dataclass(frozen=True)
class Terminal:
    """The job is over. `cost_usd` is that of its last attempt (None: unknown), `at` when it was decided."""

    status: Status
    reason: str | None
    at: int
    end: End | None = None
    cost_usd: float | None = None


@dataclass(frozen=True)
class Again:
    """Another attempt: when, on what, and the retries used so far."""

    due_at: int
    instance_type: str
    purchase: Purchase
    spot_attempts: int
    transient: int
    algorithm: int
    reason: str
    end: End | None = None
    cost_usd: float | None = None


@dataclass(frozen=True)
class PutBack:
    """The same attempt once more, because nothing was made. See `changes.put_back`."""

    due_at: int
    instance_type: str
    reason: str


_S3_BUSY = re.compile(r"SlowDown|reduce your request rate|Rate exceeded|Throttl|ServiceUnavailable", re.IGNORECASE)


def refused(message: str, now: int) -> Terminal:
    """Return the end of a job that can never be made."""
    return Terminal(Status.FAILED, message, now)


def not_made(record: Record, job: Job, why: Launch, message: str, *, now: int, draw: Draw) -> PutBack | Terminal:
    """Return what becomes of a claimed job whose Create* call certainly made nothing. `record` as claimed.

    Quota and capacity move it to its next instance type. Only these and denials count towards giving up.
    """
    if record.stop_requested_at is not None:
        return Terminal(Status.STOPPED, f"cancelled by {record.stop_requested_by} before it ran", now)
    if why is Launch.REFUSED:
        return refused(f"SageMaker refused it: {message}", now)
    if why is Launch.THROTTLED:
        return PutBack(record.due_at, record.instance_type, "throttled: SageMaker takes fewer calls at the moment")
    if now >= _give_up_at(record, job):
        return refused(f"given up after {job.retry.give_up_after_hours:g} hours: {message}", now)
    if why is Launch.DENIED:
        return PutBack(now + round(DENIED_MS * (1 + draw())), record.instance_type, message)
    return PutBack(now + backoff_ms(1, draw), next_type(record, job), message)


def lost(record: Record, *, now: int) -> PutBack | Terminal:
    """Return what becomes of a claim of which SageMaker knows nothing: its launcher died before the call."""
    if record.stop_requested_at is not None:
        return Terminal(Status.STOPPED, f"cancelled by {record.stop_requested_by} before it ran", now)
    return PutBack(now, record.instance_type, "its launcher ended before it was made")


def concerns(record: Record, end: End) -> bool:
    """Tell whether an end is that of the record's attempt: others are late, or a tuning's own trainings."""
    return record.status is Status.LAUNCHED and record.remote_name == end.name and record.remote_kind is end.kind


def decide(record: Record, job: Job | None, end: End, *, settings: Settings, now: int, draw: Draw) -> Terminal | Again:
    """Return what the end of the record's attempt means. `job` is None when its document cannot be read any more.

    `end` concerns the record and is complete. A job that somebody asked to stop never runs again.
    """
    spent = _cost(record, end, settings)
    if end.status == "Completed":
        return Terminal(Status.COMPLETED, None, now, end, spent)
    cause = _cause(record, job, end)
    said = f"attempt {record.attempt} {cause}" + (f": {end.reason}" if end.reason else "")
    if record.stop_requested_at is not None and cause not in (Cause.ALGORITHM, Cause.CLIENT):
        return Terminal(Status.STOPPED, f"cancelled by {record.stop_requested_by}", now, end, spent)
    if cause is Cause.STOPPED:
        return Terminal(Status.STOPPED, "stopped in SageMaker, not by the queue", now, end, spent)
    retried = _retried(record, job, cause) if job is not None and record.stop_requested_at is None else None
    if job is None or retried is None:
        return Terminal(Status.FAILED, said, now, end, spent)
    tries = retried.spot_attempts + retried.transient + retried.algorithm
    due_at = now + backoff_ms(tries, draw)
    if due_at >= _give_up_at(record, job) or record.attempt >= keys.MOST_ATTEMPTS:
        return Terminal(Status.FAILED, f"given up after {record.attempt} attempts; {said}", now, end, spent)
    on_spot = job.spot is not None and retried.spot_attempts < job.spot.attempts
    return Again(
        due_at=due_at,
        instance_type=next_type(record, job) if cause is Cause.CAPACITY else record.instance_type,
        purchase=Purchase.SPOT if on_spot else Purchase.ON_DEMAND,
        spot_attempts=retried.spot_attempts,
        transient=retried.transient,
        algorithm=retried.algorithm,
        reason=said,
        end=end,
        cost_usd=spent,
    )


def backoff_ms(tries: int, draw: Draw, *, base_ms: int = 60_000, most_ms: int = 3_600_000) -> int:
    """Return a full-jitter delay: uniform between 0 and the exponential bound.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    most: int = min(most_ms, base_ms * 2 ** max(0, min(tries - 1, 20)))
    return round(draw() * most)


def next_type(record: Record, job: Job) -> str:
    """Return the instance type after the record's in the job's list, round and round."""
    types = job.instance_types
    at = types.index(record.instance_type) if record.instance_type in types else -1
    return types[(at + 1) % len(types)]


def _retried(record: Record, job: Job, cause: Cause) -> Record | None:
    """The record with one more retry of the right sort, or None when the job has used them up."""
    on_spot = record.purchase is Purchase.SPOT
    if cause in (Cause.ALGORITHM, Cause.RUNTIME):
        more = replace(record, algorithm=record.algorithm + 1)
        return more if more.algorithm <= job.retry.algorithm else None
    if cause is Cause.CLIENT:
        return None
    more = replace(record, spot_attempts=record.spot_attempts + 1) if on_spot else record
    if on_spot and cause is not Cause.INTERNAL:
        return more  # bounded by the spot attempts: then it is bought on demand
    more = replace(more, transient=record.transient + 1)
    return more if more.transient <= job.retry.transient else None


def _cause(record: Record, job: Job | None, end: End) -> Cause:
    """SecondaryStatus: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SecondaryStatusTransition.html."""
    by_secondary = {
        "MaxRuntimeExceeded": Cause.RUNTIME,
        "MaxWaitTimeExceeded": Cause.WAIT,
        "MaxPendingTimeExceeded": Cause.CAPACITY,
        "Interrupted": Cause.INTERRUPTED,
    }
    if end.secondary in by_secondary:
        return by_secondary[end.secondary]
    if end.status == "Stopped":
        return Cause.RUNTIME if _ran_out(record, job, end) else Cause.STOPPED
    return _failure(end.reason or "")


def _failure(reason: str) -> Cause:
    """FailureReason begins with one of SageMaker's words; what it says after it is the program's, or an explanation."""
    word = re.split(r"[^A-Za-z]", reason.strip(), maxsplit=1)[0].lower()
    if word in ("capacityerror", "insufficientcapacityerror") or "ResourceLimitExceeded" in reason[:200]:
        return Cause.CAPACITY
    if word in ("internalservererror", "internalerror", "internalfailure"):
        return Cause.INTERNAL
    if word == "clienterror":
        return Cause.INTERNAL if _S3_BUSY.search(reason) else Cause.CLIENT
    return Cause.ALGORITHM


def _ran_out(record: Record, job: Job | None, end: End) -> bool:
    """Without a SecondaryStatus: it ran out of time when it ran as long as it may, and nobody stopped it."""
    if job is None or end.kind is not Kind.PROCESSING or record.stop_requested_at is not None:
        return False
    limit = job.max_runtime_seconds
    return limit is not None and end.training_seconds is not None and end.training_seconds >= limit


def _cost(record: Record, end: End, settings: Settings) -> float | None:
    """On demand, the time between start and end is billed. A tuning's trainings are billed by themselves: unknown."""
    if end.kind is Kind.TUNING:
        return None
    billable = end.billable_seconds
    if billable is None and record.purchase is Purchase.ON_DEMAND:
        billable = end.training_seconds
    if billable is None and end.started_at is None and end.described:
        billable = 0  # no instance was ever started
    return cost.attempt_cost(
        settings,
        instance_type=end.instance_type or record.instance_type,
        instance_count=end.instance_count or record.instance_count,
        billable_seconds=billable,
    )


def _give_up_at(record: Record, job: Job) -> float:
    """Time in line is no reason to give up: it counts from the first attempt that came to nothing."""
    since = record.tried_at or record.launched_at or record.submitted_at
    return since + job.retry.give_up_after_hours * HOUR_MS
