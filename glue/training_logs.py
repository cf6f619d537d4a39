"""A job's log in CloudWatch: what is there, and what comes until its attempt has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from glue.core.training import keys
from glue.core.training.words import Kind, Status
from glue.errors import RefusedError, UsageError
from glue.training_jobs import remote_kind
from glue.training_queue import KEY

if TYPE_CHECKING:
    from glue.aws.dynamodb import Item
    from glue.aws.logs import Line
    from glue.training_queue import Queue

# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html; a tuning's training jobs log as trainings
GROUPS = {
    Kind.TRAINING: "/aws/sagemaker/TrainingJobs",
    Kind.TUNING: "/aws/sagemaker/TrainingJobs",
    Kind.PROCESSING: "/aws/sagemaker/ProcessingJobs",
}
_LATE_MS = 60_000  # lines of several containers arrive in no order: so far back is read again
_PAUSE_S = 2.0
_LAST_LOOKS = 5


def attempt_of(item: Item, number: int | None) -> int:
    """Return the attempt that is meant: the last one without a number. Raises for one that is not there."""
    last = item.get("attempt")
    last = last if isinstance(last, int) else 0
    if number is not None and not 1 <= number <= last:
        raise UsageError(f"{item[KEY]} has {last} attempts, and no attempt {number}")
    if not last:
        raise RefusedError(f"{item[KEY]} is {item.get('JobStatus')}: no attempt of it was launched, so it has no log")
    return number or last


def place(item: Item, number: int) -> tuple[str, str]:
    """Return the log group of an attempt, and how the names of its streams begin."""
    kind, name = remote_kind(item, number), keys.remote_name(str(item[KEY]), number)
    return GROUPS[kind], f"{name}-" if kind is Kind.TUNING else f"{name}/"


def read(queue: Queue, item: Item, number: int) -> Iterator[Line]:
    """Yield the lines of an attempt's log."""
    group, streams = place(item, number)
    yield from queue.session.logs.lines(group, streams=streams)


def follow(queue: Queue, job: str, number: int | None, *, sleep: Callable[[float], None]) -> Iterator[Line]:
    """Yield the lines of an attempt's log as they come, until it has ended; without a number, the attempt to come next
    when none is there. Raises as `attempt_of`.
    """
    item = _launched(queue, job, sleep)
    number = attempt_of(item, number)
    reader = _Reader(queue, *place(item, number))
    if _over(item, number):
        yield from reader.new()
        return
    while not _over(item, number):
        yield from reader.new()
        sleep(_PAUSE_S)
        item = queue.item(job)
    for _ in range(_LAST_LOOKS):  # the last lines arrive after the end
        late = list(reader.new())
        yield from late
        if not late:
            return
        sleep(_PAUSE_S)


class _Reader:
    """Reads what a log got since it was read last."""

    def __init__(self, queue: Queue, group: str, streams: str) -> None:
        self._queue = queue
        self._group = group
        self._streams = streams
        self._seen: dict[str, int] = {}

    def new(self) -> Iterator[Line]:
        """Yield the lines that were not yielded yet."""
        since = max(self._seen.values()) - _LATE_MS if self._seen else None
        for line in self._queue.session.logs.lines(self._group, streams=self._streams, since=since):
            if line.id not in self._seen:
                self._seen[line.id] = line.at
                yield line
        if self._seen:
            oldest = max(self._seen.values()) - _LATE_MS
            self._seen = {line_id: at for line_id, at in self._seen.items() if at >= oldest}


def _launched(queue: Queue, job: str, sleep: Callable[[float], None]) -> Item:
    item = queue.item(job)
    while not item.get("attempt") and item.get("JobStatus") == Status.NEW:
        sleep(_PAUSE_S)
        item = queue.item(job)
    return item


def _over(item: Item, number: int) -> bool:
    return item.get("attempt") != number or item.get("JobStatus") != Status.LAUNCHED
