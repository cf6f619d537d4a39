"""What the end of an attempt does to its job: one conditional update, whoever tells of it, however often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from queue_jobs import CallError
from queue_services import Clock, Services

from glue.core.training import changes, ends, job, outcomes
from glue.core.training.ends import End
from glue.core.training.job import Job
from glue.core.training.outcomes import Again, PutBack, Terminal
from glue.core.training.record import Record
from glue.core.training.settings import Settings
from glue.core.training.words import Status

Decision = Terminal | Again | PutBack
TIMES = 5  # a job moves only forward, so that more conflicts in a row mean something else


@dataclass(frozen=True)
class Settled:
    """What became of an end: `status` is the job's now; `again` says that another attempt follows."""

    changed: bool
    status: Status | None = None

    @property
    def again(self) -> bool:
        """Whether another attempt follows."""
        return self.changed and self.status is Status.NEW


class ContendedError(Exception):
    """Others changed the same job again and again meanwhile."""


@dataclass(frozen=True)
class Desk:
    """What decisions need beside the job: AWS, the settings, a clock, and randomness."""

    services: Services
    settings: Settings
    clock: Clock
    draw: outcomes.Draw

    def settle(self, record: Record, end: End) -> Settled:
        """Decide what the end of the record's attempt means, and write it. Nothing when somebody else did.

        Raises ContendedError, and what AWS's services raise.
        """
        whole = end if end.complete else self.described(end)
        document = readable(record)
        return self._write(
            record,
            lambda now: outcomes.decide(now, document, whole, settings=self.settings, now=self.clock(), draw=self.draw),
        )

    def not_made(self, record: Record, document: Job, why: outcomes.Launch, message: str) -> Settled:
        """Take a claim back that SageMaker made nothing of, or end the job."""
        return self._write(
            record,
            lambda now: outcomes.not_made(now, document, why, message, now=self.clock(), draw=self.draw),
        )

    def lost(self, record: Record) -> Settled:
        """Take a claim back of which SageMaker knows nothing."""
        return self._write(record, lambda now: outcomes.lost(now, now=self.clock()))

    def refuse(self, record: Record, reason: str) -> Settled:
        """End a job that can never be made."""
        return self._write(record, lambda _: outcomes.refused(reason, self.clock()))

    def _change(self, record: Record, decision: Decision) -> changes.Change:
        if isinstance(decision, Terminal):
            return changes.end(record, decision, history_days=self.settings.history_days)
        if isinstance(decision, Again):
            return changes.again(record, decision)
        return changes.put_back(
            record, due_at=decision.due_at, instance_type=decision.instance_type, reason=decision.reason
        )

    def _write(self, record: Record, decide: Callable[[Record], Decision]) -> Settled:
        """Write a decision. Decide anew on what somebody changed meanwhile, while it is the same attempt and status."""
        read = record
        for _ in range(TIMES):
            outcome = self.services.store.change(self._change(read, decide(read)))
            if outcome.done:
                return Settled(True, outcome.record.status if outcome.record else None)
            found = outcome.record
            if found is None or (found.status, found.attempt) != (record.status, record.attempt):
                return Settled(False, found.status if found else None)
            read = found
        raise ContendedError(f"{record.job} was changed {TIMES} times while it was looked at")

    def described(self, end: End) -> End:
        """Return the end with what only a description tells. As it is when SageMaker cannot tell more."""
        try:
            answer = self.services.jobs.describe(str(end.kind), end.name)
        except CallError as error:
            if error.code == "AccessDeniedException":
                return end
            raise
        found = ends.of_description(end.kind, answer) if answer is not None else None
        return end if found is None else found


def readable(record: Record) -> Job | None:
    """Return the record's job, None when its document cannot be read any more."""
    try:
        return job.of_text(record.arguments)
    except ValueError:
        return None
