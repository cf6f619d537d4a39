"""Bills of spot attempts, asked of SageMaker after the fact, two a second, and kept in the artifact store.

State-change events do not say what was billed, and the queue describes no job that goes well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.core.training import cost, ends, keys
from glue.core.training.words import Kind, Status
from glue.core.training_facts import Attempt, Fact, billing_document, billing_key
from glue.training_history import encode
from glue.training_jobs import remote_kind

if TYPE_CHECKING:
    from glue.aws.dynamodb import Item
    from glue.core.training.ends import End
    from glue.training_queue import Queue

PER_SECOND = 2


@dataclass(frozen=True)
class Settled:
    """How many jobs were settled now, and the ids of those that SageMaker does not know any more, or bills later."""

    jobs: int
    unknown: tuple[str, ...]


class Pace:
    """Lets pass so many calls a second."""

    def __init__(self, per_second: float, *, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._every = 1 / per_second
        self._sleep = sleep
        self._clock = clock
        self._next = clock()

    def __call__(self) -> None:
        """Wait until the next call may be made."""
        wait = self._next - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._next = max(self._next, self._clock()) + self._every


def unsettled(facts: list[Fact]) -> list[Fact]:
    """Return the ended jobs that had a spot attempt and no settled bill."""
    terminal = {status for status in Status if status.terminal}
    return [
        fact
        for fact in facts
        if fact.status in terminal
        and fact.on_spot
        and fact.billing is None
        and fact.attempts
        and fact.kind != Kind.TUNING
    ]


def settle(
    queue: Queue, facts: list[Fact], items: Mapping[str, Item], *, pace: Pace, say: Callable[[str], None]
) -> Settled:
    """Describe the attempts of unsettled jobs and write what was billed, once for each job. It may be interrupted."""
    waiting = unsettled(facts)
    bucket, written, unknown = queue.session.artifacts(), 0, []
    for count, fact in enumerate(waiting, start=1):
        attempts = tuple(_attempts(queue, items[fact.job], fact, pace))
        if len(attempts) < fact.attempts:
            unknown.append(fact.job)
        elif bucket.put_once(
            billing_key(fact.job, fact.submitted_at),
            encode(billing_document(fact.job, attempts)),
            content_type="application/json",
        ):
            written += 1
        if count % 50 == 0:
            say(f"{count} of {len(waiting)} jobs settled")
    return Settled(written, tuple(unknown))


def _attempts(queue: Queue, item: Item, fact: Fact, pace: Pace) -> Iterator[Attempt]:
    for number in range(1, fact.attempts + 1):
        kind, name = remote_kind(item, number), keys.remote_name(fact.job, number)
        pace()
        described = queue.session.training_jobs.describe(kind, name)
        end = ends.of_description(kind, described) if described is not None else None
        if end is None:
            return
        never = 0 if end.started_at is None else None  # it got no instance: nothing was trained, nothing is billed
        trained = never if end.training_seconds is None else end.training_seconds
        billed = never if end.billable_seconds is None else end.billable_seconds
        if trained is None or billed is None:
            return
        yield Attempt(name, bool(end.spot), trained, billed, _cost(queue, end, billed))


def _cost(queue: Queue, end: End, billed: int) -> float | None:
    if not billed:
        return 0.0
    return cost.attempt_cost(
        queue.settings,
        instance_type=end.instance_type or "",
        instance_count=end.instance_count or 1,
        billable_seconds=billed,
    )
