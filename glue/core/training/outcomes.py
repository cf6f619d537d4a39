"""What an error of Create* means, and what the end of an attempt means: terminal, or again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from glue.core.training.ends import End
from glue.core.training.job import Job
from glue.core.training.record import Record
from glue.core.training.settings import Settings
from glue.core.training.words import Purchase, Status

Draw = Callable[[], float]  # a random number in [0, 1)


class Launch(StrEnum):
    """What a Create* call came to."""

    LAUNCHED = "launched"  # made, or made before (ResourceInUse)
    QUOTA = "quota"  # ResourceLimitExceeded: put back, and cool the pool down
    CAPACITY = "capacity"  # no instances of the type now: put back, and cool the pool down
    THROTTLED = "throttled"  # try again in place, slower
    REFUSED = "refused"  # this job can never be made: terminal
    DENIED = "denied"  # our own permissions: put back and end the run, or thousands fail
    UNKNOWN = "unknown"  # 5xx, connection: it may have been made; the claim stays, the sweep finds out


@dataclass(frozen=True)
class Terminal:
    """The job is over."""

    status: Status
    reason: str
    end: End | None = None
    cost_usd: float | None = None  # of this attempt; None: unknown
    at: int = 0


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


def launch_error(code: str, message: str, status: int | None) -> Launch:
    """Return what an error of Create* means. `code` is AWS's error code, or the exception's name without an answer."""
    raise NotImplementedError


def decide(record: Record, job: Job | None, end: End, *, settings: Settings, now: int, draw: Draw) -> Terminal | Again:
    """Return what the end of the record's attempt means. `job` is None when its document cannot be read any more."""
    raise NotImplementedError


def backoff_ms(tries: int, draw: Draw, *, base_ms: int = 60_000, most_ms: int = 3_600_000) -> int:
    """Return a full-jitter delay: uniform between 0 and the exponential bound.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    raise NotImplementedError


def cooldown_ms(times: int, *, base_ms: int = 120_000, most_ms: int = 1_800_000) -> int:
    """Return how long a pool cools down after so many refusals in a row."""
    return min(most_ms, base_ms * 2 ** max(0, min(times - 1, 20)))
