"""Single jobs: the newest ones, all that is known of one, stopping them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from glue.core.training import keys
from glue.core.training.words import Kind, Purchase
from glue.errors import AwsError
from glue.training_queue import KEY, is_id, unknown

if TYPE_CHECKING:
    from glue.aws.dynamodb import Item
    from glue.training_queue import Queue

INDEX, PARTITION, ORDER = "history", "week", "submitted_at"
BATCH = 25
STOPPED, STOPPING, ENDED, UNKNOWN = "stopped", "stopping", "ended", "unknown"
_LARGEST = 256 * 1024


@dataclass(frozen=True)
class Wanted:
    """Which jobs to show; None: all."""

    owner: str | None = None
    model: str | None = None
    status: str | None = None

    def __call__(self, item: Item) -> bool:
        """Whether an item is one of them."""
        pairs = ((self.owner, "owner"), (self.model, "model"), (self.status, "JobStatus"))
        return all(wanted is None or item.get(name) == wanted for wanted, name in pairs)


def newest(queue: Queue, wanted: Wanted, *, since: int, until: int, limit: int) -> list[Item]:
    """Return the newest jobs submitted in a time (epoch ms), the newest first; no more is read than that takes."""
    return list(islice(filter(wanted, _backwards(queue, since, until)), limit))


def _backwards(queue: Queue, since: int, until: int) -> Iterator[Item]:
    for week in reversed(keys.weeks_between(since, until)):
        shards = [
            queue.table.query(INDEX, (PARTITION, shard), order=ORDER, since=since, until=until, newest_first=True)
            for shard in keys.week_shards(week)
        ]
        yield from merge(*shards, key=_submitted, reverse=True)


def _submitted(item: Item) -> tuple[int, str]:
    at = item.get(ORDER)
    return (at if isinstance(at, int) else 0, str(item.get(KEY)))


@dataclass(frozen=True)
class Attempt:
    """One attempt: its number, SageMaker's name of it, and SageMaker's description (None: it does not know it)."""

    number: int
    name: str
    kind: Kind
    described: Mapping[str, Any] | None

    @property
    def status(self) -> str:
        """SageMaker's word."""
        found = self.described or {}
        names = ("TrainingJobStatus", "ProcessingJobStatus", "HyperParameterTuningJobStatus")
        return next((str(found[name]) for name in names if name in found), "not known to SageMaker")

    @property
    def reason(self) -> str | None:
        """Why it failed, as SageMaker says it."""
        found = self.described or {}
        reason = found.get("FailureReason") or found.get("ExitMessage")
        return str(reason) if reason else None


def attempts(queue: Queue, item: Item) -> Iterator[Attempt]:
    """Yield a job's attempts, each described by SageMaker."""
    job, kind, last = str(item[KEY]), Kind(str(item["kind"])), item.get("attempt")
    for number in range(1, (last if isinstance(last, int) else 0) + 1):
        name = keys.remote_name(job, number)
        for kind_ in _kinds(kind, item, number):
            described = queue.session.training_jobs.describe(kind_, name)
            if described is not None:
                break
        yield Attempt(number, name, kind_, described)


def _kinds(kind: Kind, item: Item, number: int) -> tuple[Kind, ...]:
    """Return as what an attempt may be known: processing on spot is a training for SageMaker."""
    if kind is not Kind.PROCESSING:
        return (kind,)
    first = remote_kind(item, number)
    return (first, Kind.PROCESSING if first is Kind.TRAINING else Kind.TRAINING)


def remote_kind(item: Item, number: int) -> Kind:
    """Return what SageMaker most likely runs for an attempt: the spot attempts come first."""
    kind, spot = Kind(str(item["kind"])), item.get("spot_attempts")
    on_spot = number <= (spot if isinstance(spot, int) else 0)
    if number == item.get("attempt"):
        on_spot = item.get("purchase") == Purchase.SPOT
    return Kind.TRAINING if kind is Kind.PROCESSING and on_spot else kind


def past(queue: Queue, job: str) -> Item:
    """Return the history record of a job that the table does not have any more. Raises UsageError without one."""
    if not is_id(job):
        raise unknown(job, queue.environment)
    bucket = queue.session.artifacts()
    for week in sorted(bucket.folders(keys.HISTORY), reverse=True):
        key = f"{keys.HISTORY}{week}/{job}.json"
        if key in bucket.keys(key):
            return record_of(bucket.get_small(key, limit=_LARGEST), bucket.uri(key))
    raise unknown(job, queue.environment)


def record_of(found: tuple[bytes, object] | None, uri: str) -> Item:
    """Return the item in a history record. Raises AwsError when it is none."""
    try:
        document = json.loads(found[0]) if found is not None else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AwsError(f"{uri} is not the record of a job")
    return document


def cancel(queue: Queue, jobs: Sequence[str]) -> dict[str, str]:
    """Ask that jobs be stopped, and return for each: STOPPED, STOPPING, ENDED (before), UNKNOWN."""
    found: dict[str, str] = {}
    for batch in _in(list(dict.fromkeys(jobs)), BATCH):
        answer = queue.submitting.post({"cancel": batch})
        results = answer.document.get("results")
        if answer.status != 200 or not isinstance(results, list):
            raise AwsError(f"the queue refuses to cancel: {answer.document.get('message', answer.document)}")
        found |= {str(one["id"]): str(one["status"]) for one in results}
    return found


def _in(values: Sequence[str], size: int) -> Iterable[list[str]]:
    return (list(values[start : start + size]) for start in range(0, len(values), size))
