"""The queue's items: the one place that reads and writes them. Every write is conditional, on one item.

What may change into what, and on which condition, is said by glue/core/training/changes.py.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from queue_outlets import log
from queue_table import Row, Table, Written

from glue.core.training import keys, record, sharing
from glue.core.training.changes import NEW_ONLY, Change
from glue.core.training.record import Record
from glue.core.training.sharing import Candidate, Running
from glue.core.training.words import Kind, Purchase, Status

OPEN, DUE, HISTORY = "open", "due", "history"
SUBMITTED, KNOWN, OTHER = "submitted", "known", "other"
LAUNCHER, SWEEP = keys.LAUNCHER, "_sweep"
# A query gives at most 1 MB, about 3,000 of the index `due`. Fair shares need to see every owner, not only the oldest
# jobs; beyond so many the first are seen, and the others next time.
MOST_DUE = 20_000
PAGE = 5_000


@dataclass(frozen=True)
class Open:
    """A launched job, as the index `open` holds it. `kind` is what SageMaker runs. Times are epoch milliseconds."""

    job: str
    kind: Kind
    remote_name: str
    attempt: int
    launched_at: int
    stop_requested_at: int | None


@dataclass(frozen=True)
class Changed:
    """How a change ended. `record` is the new item, or the one that did not fulfil the condition; None: no item."""

    done: bool
    record: Record | None


class Store:
    """The items of one queue's table. `writes` counts the writes that changed a job."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.writes = 0

    def put_new(self, new: Record) -> str:
        """Store a job that nobody has submitted. Returns `submitted`, `known` (the same job), or `other` (its id)."""
        outcome = self._counted(self._table.put(record.to_item(new), NEW_ONLY))
        if outcome.done:
            return SUBMITTED
        return KNOWN if outcome.row.get("digest") == new.digest else OTHER

    def get(self, job: str) -> Record | None:
        """Return a job as it is now, None when there is none. Raises RecordError when its item is broken."""
        row = self.row(job)
        return None if row is None else record.from_item(row)

    def row(self, job: str) -> Row | None:
        """Return a job's item as it is now, whatever it holds; None when there is none."""
        return None if job.startswith("_") else self._table.get(job)

    def change(self, change: Change) -> Changed:
        """Make a change when its condition holds."""
        values: dict[str, Any] = {**change.values, **dict.fromkeys(change.remove)}
        outcome = self._counted(self._table.update(change.job, values, change.expect))
        return Changed(outcome.done, record.from_item(outcome.row) if outcome.row else None)

    def claim(self, change: Change, token: str) -> Row | None:
        """Make a claim; the item as it is now when it is ours, None when somebody else was first.

        A claim that was written, but whose answer was lost and which the client repeated, is known by its token.
        """
        values: dict[str, Any] = {**change.values, **dict.fromkeys(change.remove), "claim": token}
        outcome = self._counted(self._table.update(change.job, values, change.expect))
        ours = outcome.row.get("claim") == token and all(
            outcome.row.get(name) == change.values[name] for name in ("JobStatus", "attempt")
        )
        return outcome.row if outcome.done or ours else None

    def bury(self, job: str, status: Status, *, reason: str, now: int, expires_at: int) -> bool:
        """End a job whose item cannot be read, so that it blocks nobody: whatever else the item holds stays."""
        values: dict[str, Any] = {"JobStatus": str(Status.FAILED), "reason": reason, "ended_at": now}
        values |= {"expires_at": expires_at, **dict.fromkeys((record.DUE_SHARD, record.DUE_KEY, record.OPEN_SHARD))}
        return self._counted(self._table.update(job, values, {"JobStatus": str(status)})).done

    def due(self, until: int) -> Iterator[Candidate | str]:
        """Yield the jobs that are due, by priority and then age, at most MOST_DUE; of a broken item its id.

        Items may be a moment old.
        """
        shards = [self._rows(DUE, (record.DUE_SHARD, str(number)), ("due_at", until)) for number in range(keys.SHARDS)]
        for row in itertools.islice(heapq.merge(*shards, key=_due_key), MOST_DUE):
            try:
                yield sharing.candidate(row)
            except (KeyError, TypeError, ValueError, record.RecordError):
                yield str(row["JobId"])

    def running(self) -> Iterator[Running]:
        """Yield what uses the budgets. Items may be a moment old."""
        for row in self._open_rows():
            try:
                yield sharing.running(row)
            except (KeyError, TypeError, ValueError, record.RecordError) as error:
                log("ERROR", "a launched job's item is broken", job=row.get("JobId"), error=str(error))

    def open_jobs(self) -> Iterator[Open]:
        """Yield the launched jobs. Items may be a moment old."""
        for row in self._open_rows():
            try:
                yield _open(row)
            except (KeyError, TypeError, ValueError) as error:
                log("ERROR", "a launched job's item is broken", job=row.get("JobId"), error=str(error))

    def week(self, name: str) -> Iterator[Row]:
        """Yield the items of the jobs that were submitted in an ISO week."""
        for partition in keys.week_shards(name):
            yield from self._rows(HISTORY, (record.WEEK, partition))

    def control(self, name: str) -> Row | None:
        """Return the state of the launcher or the sweep, None when there is none."""
        return self._table.get(name)

    def save_control(self, name: str, row: Row) -> None:
        """Write the state of the launcher or the sweep. Two at once overwrite each other: each learns anew."""
        self._table.update(name, {key: value for key, value in row.items() if key != "JobId"}, {})

    def _open_rows(self) -> Iterator[Row]:
        for number in range(keys.SHARDS):
            yield from self._rows(OPEN, (record.OPEN_SHARD, str(number)))

    def _rows(self, index: str, key: tuple[str, str], until: tuple[str, int] | None = None) -> Iterator[Row]:
        start: Row | None = None
        while True:
            page = self._table.query(index, key, until=until, start=start, limit=PAGE)
            yield from page.rows
            start = page.following
            if start is None:
                return

    def _counted(self, outcome: Written) -> Written:
        self.writes += outcome.done
        return outcome


def _due_key(row: Row) -> str:
    return str(row.get(record.DUE_KEY, ""))


def _open(row: Row) -> Open:
    return Open(
        job=row["JobId"],
        kind=record.remote_kind(Kind(row["kind"]), Purchase(row["purchase"])),
        remote_name=row["remote_name"],
        attempt=row["attempt"],
        launched_at=row["launched_at"],
        stop_requested_at=row.get("stop_requested_at"),
    )
