"""Takes jobs back: one that waits ends at once, one that runs is asked to stop and never runs again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from queue_jobs import CallError, UnansweredError
from queue_outlets import log

from glue.core.training import changes
from glue.core.training.record import Record, RecordError
from glue.core.training.words import Status

if TYPE_CHECKING:
    from queue_submit import Counter

STOPPED, STOPPING, ENDED, UNKNOWN = "stopped", "stopping", "ended", "unknown"
TIMES = 10  # a job that is launched, ends and waits again meanwhile


def cancel(ids: Sequence[str], caller: str, counter: Counter) -> list[dict[str, Any]]:
    """Return a result for each id: stopped, stopping, ended or unknown."""
    results = [{"id": job, "status": _cancelled(job, caller, counter), "errors": []} for job in ids]
    log("INFO", "cancelled", caller=caller, results=[(one["id"], one["status"]) for one in results])
    return results


def _cancelled(job: str, caller: str, counter: Counter) -> str:
    for _ in range(TIMES):
        try:
            record = counter.services.store.get(job) if _is_id(job) else None
        except RecordError:
            return UNKNOWN  # the launcher buries it
        if record is None:
            return UNKNOWN
        if record.status.terminal:
            return ENDED
        status = _new(record, caller, counter) if record.status is Status.NEW else _launched(record, caller, counter)
        if status is not None:
            return status
    raise RuntimeError(f"{job} was changed {TIMES} times while it was cancelled")


def _new(record: Record, caller: str, counter: Counter) -> str | None:
    change = changes.withdraw(record, by=caller, now=counter.clock(), history_days=counter.settings.history_days)
    return STOPPED if counter.services.store.change(change).done else None


def _launched(record: Record, caller: str, counter: Counter) -> str | None:
    """Note the wish first: whatever happens then, the job never runs again, and the sweep asks again for the stop."""
    if record.stop_requested_at is None:
        change = changes.request_stop(record, by=caller, now=counter.clock())
        if not counter.services.store.change(change).done:
            return None
    try:
        counter.services.jobs.stop(str(record.remote_kind), str(record.remote_name))
    except (CallError, UnansweredError) as error:  # a job that is not made yet has no tag that would allow it
        log("WARNING", "not stopped yet; the sweep asks again", job=record.job, error=str(error))
    return STOPPING


def _is_id(job: str) -> bool:
    """The empty string is no key, a key has at most 2048 bytes, and is UTF-8."""
    return 0 < len(job) <= 100 and job.isascii()
