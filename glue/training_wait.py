"""Waiting for jobs to end, by asking the table; SageMaker is never asked. It ends on any end, and at its time limit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.core.training.words import Status
from glue.training_queue import KEY

if TYPE_CHECKING:
    from glue.aws.dynamodb import Item, Table
    from glue.aws.s3 import Bucket

FIELDS = ("JobStatus", "attempt", "reason", "JobArgs", "remote_name")
_ENDED = {str(status) for status in Status if status.terminal}
RELEASED, MADE_NONE = "released", ("refused", "failed")
_LARGEST = 256 * 1024
_SLOWEST_S = 10.0

Outcome = Mapping[str, object]


@dataclass(frozen=True)
class Waited:
    """How far a job is. `status` is JobStatus, None when the table does not have it.

    `release` is the id of the release made of it, `outcome` released, refused or failed: None where none is asked for,
    and as long as it is not there.
    """

    job: str
    status: str | None
    attempt: int = 0
    reason: str | None = None
    wants_release: bool = False
    outcome: str | None = None
    release: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        if self.status is not None and self.status not in _ENDED:
            return False
        return self.status != Status.COMPLETED or not self.wants_release or self.outcome is not None

    @property
    def good(self) -> bool:
        """Whether it completed, and became a release if it should."""
        return self.status == Status.COMPLETED and (not self.wants_release or self.outcome == RELEASED)

    @property
    def text(self) -> str:
        """How far it is, in a few words."""
        if self.status is None:
            return "not in the table"
        if self.status != Status.COMPLETED or not self.wants_release:
            return self.status
        return f"{self.status}, {'no release yet' if self.outcome is None else f'release {self.outcome}'}"

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        return {
            "id": self.job,
            "status": self.status,
            "attempt": self.attempt,
            "reason": self.reason,
            "release": self.release,
            "release_outcome": self.outcome,
        }


class Waiter:
    """Asks for several jobs until all have ended or the time is over."""

    def __init__(
        self,
        table: Table,
        releases: Callable[[str], Outcome | None],
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._table = table
        self._releases = releases
        self._say = say
        self._sleep = sleep
        self._clock = clock

    def wait(self, jobs: Sequence[str], *, timeout_s: float) -> dict[str, Waited]:
        """Return how far each job is: all over, or as they were when the time was."""
        began = self._clock()
        found = dict.fromkeys(jobs, Waited("", None))
        waiting = list(found)
        told = ""
        while True:
            found |= self._look(waiting)
            waiting = [job for job in waiting if not found[job].over]
            text = _summary(found)
            if text != told:
                self._say(text)
                told = text
            waited = self._clock() - began
            if not waiting or waited >= timeout_s:
                return found
            self._sleep(min(max(1.0, waited * 0.05), _SLOWEST_S, timeout_s - waited))

    def _look(self, jobs: Sequence[str]) -> dict[str, Waited]:
        items = self._table.get_all(KEY, jobs, fields=FIELDS)
        return {job: self._state(job, items.get(job)) for job in jobs}

    def _state(self, job: str, item: Item | None) -> Waited:
        if item is None:
            return Waited(job, None, reason="it is not in the table: it ended long ago, or was never submitted")
        status, attempt = str(item.get("JobStatus")), item.get("attempt")
        reason = item.get("reason")
        wants = _wants_release(item)
        outcome = self._releases(job) if wants and status == Status.COMPLETED else None
        result = str(outcome.get("result")) if outcome else None
        ended = result in (RELEASED, *MADE_NONE)
        why = _reasons(outcome) if outcome and result in MADE_NONE else reason
        return Waited(
            job=job,
            status=status,
            attempt=attempt if isinstance(attempt, int) else 0,
            reason=str(why) if why else None,
            wants_release=wants,
            outcome=result if ended else None,
            release=str(outcome["release"]) if outcome and ended and outcome.get("release") else None,
        )


def release_of(bucket: Bucket, job: str) -> Outcome | None:
    """Return what the release function wrote of a job, None before it did.

    The key is listed first: S3 answers 403 for an absent one to whoever may list some prefixes only.
    """
    key = f"training/{job}/release.json"
    if key not in bucket.keys(key):
        return None
    found = bucket.get_small(key, limit=_LARGEST)
    if found is None:
        return None
    try:
        document = json.loads(found[0])
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _wants_release(item: Item) -> bool:
    try:
        document = json.loads(str(item.get("JobArgs", "")))
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("release") is not None


def _reasons(outcome: Outcome) -> str:
    reasons = outcome.get("reasons")
    return "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""


def _summary(found: Mapping[str, Waited]) -> str:
    if len(found) == 1:
        one = next(iter(found.values()))
        return f"{one.text}, attempt {one.attempt}" + (f": {one.reason}" if one.reason else "")
    counts = Counter(one.text for one in found.values())
    return ", ".join(f"{count} {text}" for text, count in sorted(counts.items()))
