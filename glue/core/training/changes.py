"""The only ways in which a job's item changes: each returns what to write and on what condition.

One UpdateItem each, on one item; the condition makes one of two racing writers win
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glue.core.training.record import Record, Value
from glue.core.training.words import Pool

if TYPE_CHECKING:
    from glue.core.training.outcomes import Again, Terminal


@dataclass(frozen=True)
class Change:
    """One conditional update. `expect` maps attributes to the value they must have; None: the attribute is absent."""

    job: str
    values: Mapping[str, Value]
    remove: tuple[str, ...] = ()
    expect: Mapping[str, Value | None] = field(default_factory=dict)

    def request(self, table: str) -> dict[str, object]:
        """Return the parameters of UpdateItem (low-level client). The answer holds the new item (ALL_NEW)."""
        raise NotImplementedError


def put_request(record: Record, table: str) -> dict[str, object]:
    """Return the parameters of PutItem for a new job; it fails when the id is there already."""
    raise NotImplementedError


def claim(record_job: str, attempt: int, *, pool: Pool, now: int) -> Change:
    """New -> Launched. `attempt` is the number of claims so far, as read. Needs no more than the index `due` holds."""
    raise NotImplementedError


def put_back(record: Record, *, due_at: int, instance_type: str, reason: str) -> Change:
    """Launched -> New, the attempt not made: the next claim takes the same number again."""
    raise NotImplementedError


def again(record: Record, decision: Again) -> Change:
    """Launched -> New after an attempt that ended; the next claim counts one up."""
    raise NotImplementedError


def end(record: Record, decision: Terminal, *, history_days: int) -> Change:
    """New or Launched -> terminal."""
    raise NotImplementedError


def request_stop(record: Record, *, by: str, now: int) -> Change:
    """Launched stays Launched, and the wish to stop is noted: it never runs again."""
    raise NotImplementedError


def withdraw(record: Record, *, by: str, now: int, history_days: int) -> Change:
    """New -> Stopped: cancelled before any attempt, or between two."""
    raise NotImplementedError
