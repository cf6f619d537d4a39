"""Tells that a job has ended: subscribers, whoever makes a release of it, and last the history.

The history record is written last and never over another: where it is, all was done. So a redelivery costs one call,
and what was not finished can be found and repaired.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import queue_services
import queue_table
from queue_outlets import datum, log
from queue_services import Remaining, Services
from queue_settle import readable

from glue.core.training import keys, notice
from glue.core.training import record as records
from glue.core.training.record import Record
from glue.core.training.settings import Settings
from glue.core.training.words import Status

MARGIN_MS = 5_000
REPAIR = ":repair"  # the alias that people may invoke; what its event says of a job is never believed
MOST_REPAIRS = 1000


class NotEndedError(Exception):
    """There is nothing to repair: no such job, or it has not ended."""


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Work on a batch of the table's stream; by the alias `repair`, on jobs that people name."""
    services, settings = queue_services.services(), queue_services.settings()
    remaining = context.get_remaining_time_in_millis
    repairing = isinstance(event, dict) and set(event) == {"repair"}
    if str(context.invoked_function_arn).endswith(REPAIR) != repairing:
        raise ValueError('by its alias `repair` the function takes {"repair": ...}, and nothing else takes it')
    if repairing:
        return repair(event["repair"], services, remaining=remaining)
    return run(event["Records"], services, settings, remaining=remaining)


def run(
    stream: list[dict[str, Any]], services: Services, settings: Settings, *, remaining: Remaining
) -> dict[str, Any]:
    """Finish the jobs of a batch. Returns the first that failed: Lambda begins there anew; the others cost little."""
    counts: Counter[str] = Counter()
    failed = None
    for entry in stream:
        number = entry["dynamodb"]["SequenceNumber"]
        try:
            if remaining() < MARGIN_MS:
                raise TimeoutError("the function's time is over")
            status = _finished(entry, services)
        except Exception as error:  # noqa: BLE001 - whatever one job does, the others are told
            failed = failed or number
            log("ERROR", "not finished", keys=entry["dynamodb"].get("Keys"), error=f"{type(error).__name__}: {error}")
            continue
        counts[status or "nothing to do"] += 1
    data = [
        datum(settings.queue, "Ended", counts[status], Status=status)
        for status in (Status.COMPLETED, Status.FAILED, Status.STOPPED)
        if counts[status]
    ]
    services.outlets.metrics(data)
    log("INFO", "finished", failed=failed, **counts)
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def repair(wanted: Any, services: Services, *, remaining: Remaining) -> dict[str, Any]:
    """Finish what a batch that was given up left: a list of job ids, or `{"weeks": ["2026-W47"]}`.

    Returns {"repaired": [ids], "known": count, "failed": {id: why}, "left": count}; `left` wants another call.
    """
    answer: dict[str, Any] = {"repaired": [], "known": 0, "failed": {}, "left": 0}
    for job, row in _asked_for(wanted, services):
        if remaining() < MARGIN_MS or len(answer["repaired"]) >= MOST_REPAIRS:
            answer["left"] += 1
            continue
        try:
            done = _finish(_ended(job, row), services)
        except Exception as error:  # noqa: BLE001 - said for each job
            answer["failed"][job] = f"{type(error).__name__}: {error}"
            continue
        if done:
            answer["repaired"].append(job)
        else:
            answer["known"] += 1
    log("INFO", "repaired", **answer)
    return answer


def _asked_for(wanted: Any, services: Services) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    weeks = wanted.get("weeks") if isinstance(wanted, dict) and set(wanted) == {"weeks"} else None
    texts = weeks if weeks is not None else wanted
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts) or len(texts) > MOST_REPAIRS:
        raise ValueError('give {"repair": [job ids]} or {"repair": {"weeks": ["2026-W47"]}}')
    if weeks is None:
        for job in texts:
            yield job, services.store.row(job)
        return
    for week in weeks:
        for row in services.store.week(week):
            if row.get("JobStatus") not in {Status.NEW, Status.LAUNCHED}:
                yield str(row["JobId"]), row


def _ended(job: str, row: Mapping[str, Any] | None) -> Record:
    if row is None:
        raise NotEndedError(f"{job} is not in the table")
    record = records.from_item(row)
    if not record.status.terminal:
        raise NotEndedError(f"{job} is {record.status}: it has not ended")
    return record


def _finished(entry: Mapping[str, Any], services: Services) -> str:
    """Work on one change; returns the status that the job ended with, empty when there was nothing to do."""
    change = entry["dynamodb"]
    if entry["eventName"] == "REMOVE":
        return _kept(queue_table.plain(change.get("OldImage", {})), services)
    image = queue_table.plain(change.get("NewImage", {}))
    if str(image.get("JobId", "_")).startswith("_") or image.get("JobStatus") in {Status.NEW, Status.LAUNCHED}:
        return ""
    record = records.from_item(image)
    return str(record.status) if _finish(record, services) else ""


def _finish(record: Record, services: Services) -> bool:
    """Tell everybody, the history last; False when all was done before."""
    key = keys.history_key(record.job, record.submitted_at)
    outlets = services.outlets
    if outlets.has_history(key):
        return False
    outlets.publish(notice.message(record), notice.attributes(record))
    if _wants_release(record):
        said = {"job": record.job, "remote_name": record.remote_name, "attempt": record.attempt}
        outlets.enqueue_release(json.dumps(said, sort_keys=True))
    return outlets.write_history(key, history(record))


def _kept(image: Mapping[str, Any], services: Services) -> str:
    """An item that DynamoDB removed because its time was over: its history was written long ago, or is now."""
    if str(image.get("JobId", "_")).startswith("_") or image.get("JobStatus") in {Status.NEW, Status.LAUNCHED}:
        return ""
    record = records.from_item(image)
    key = keys.history_key(record.job, record.submitted_at)
    if not services.outlets.has_history(key):
        services.outlets.write_history(key, history(record))
    return ""


def _wants_release(record: Record) -> bool:
    job = readable(record)
    return record.status is Status.COMPLETED and job is not None and job.release is not None


def history(record: Record) -> bytes:
    """Return the history record's bytes."""
    return (json.dumps(records.history(record), sort_keys=True, ensure_ascii=False, indent=1) + "\n").encode()
