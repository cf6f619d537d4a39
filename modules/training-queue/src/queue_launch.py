"""Launches the jobs that are due, each once for each attempt. Invoked by a schedule, by hand, or by the table's stream.

A job is claimed first, by one conditional update, and then made under a name that SageMaker gives out once. So a run
that is killed at any moment leaves either nothing, or a claim whose job exists or not: the sweep finds out which.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import queue_create
import queue_services
from queue_outlets import datum, log
from queue_pace import Pace
from queue_services import Clock, Remaining, Services, Sleep
from queue_settle import Desk, readable
from queue_store import LAUNCHER
from queue_upstream import NEVER, WAIT, Upstream

from glue.core.training import changes, outcomes, quotas, request, throttle
from glue.core.training import record as records
from glue.core.training.job import Job
from glue.core.training.outcomes import Launch
from glue.core.training.record import Record
from glue.core.training.settings import Settings
from glue.core.training.sharing import Candidate, Choice, Line, Running
from glue.core.training.words import Pool, Purchase, Status

MARGIN_MS = 15_000  # a call without an answer takes 13 s
MOST_DENIED = 3  # in a row; then the next would be, too
MOST_TROUBLES = 20  # jobs that our own errors kept from being launched; then something else is wrong


class LaunchError(Exception):
    """The run could not do its work: AWS denies it, or its own services fail."""


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Launch what is due until it is done or time is up. The event does not matter; the same one twice does no harm."""
    del event
    return run(
        queue_services.services(),
        queue_services.settings(),
        clock=queue_services.now,
        sleep=time.sleep,
        remaining=context.get_remaining_time_in_millis,
    )


def run(
    services: Services,
    settings: Settings,
    *,
    clock: Clock,
    sleep: Sleep,
    remaining: Remaining,
    draw: outcomes.Draw = random.random,
    token: Callable[[], str] = lambda: secrets.token_hex(8),
) -> dict[str, Any]:
    """Launch what is due, and return the counts. Raises LaunchError at the end when jobs were not launched for reasons
    that are not theirs, so that the function's alarm rings."""
    desk = Desk(services, settings, clock, draw)
    due = list(services.store.due(clock()))
    if not due:
        nothing = {"OldestDueSeconds": 0, "Due": 0}
        services.outlets.metrics([_figure(settings.queue, name, value) for name, value in nothing.items()])
        return nothing
    before, began = services.store.control(LAUNCHER) or {}, clock()
    state = State(
        throttle.control_of(before, most=settings.launches_per_second, now=began),
        quotas.of_text(before.get("quotas"), began),
    )
    pace = Pace(state.control.bucket, clock=clock, sleep=sleep, remaining=remaining, margin_ms=MARGIN_MS)
    launcher = Launcher(desk, state, pace, due, token())
    try:
        launcher.run()
    finally:
        launcher.save()
    counts = launcher.report()
    services.outlets.metrics([_figure(settings.queue, name, value) for name, value in counts.items()])
    log("INFO", "launched", **counts)
    if launcher.trouble:
        raise LaunchError(launcher.trouble)
    return counts


def _figure(queue: str, name: str, value: int) -> dict[str, Any]:
    return datum(queue, name, value, "Seconds" if name.endswith("Seconds") else "Count")


@dataclass(frozen=True)
class State:
    """What one run leaves to the next: pace, cool-downs and turns, and quotas."""

    control: throttle.Control
    quotas: quotas.Quotas


class Launcher:
    """One run."""

    def __init__(self, desk: Desk, state: State, pace: Pace, due: Iterable[Candidate | str], token: str) -> None:
        self.counts: Counter[str] = Counter()
        self.trouble = ""
        self._desk = desk
        self._control = state.control
        self._quotas = state.quotas
        self._pace = pace
        self._token = token
        self._upstream = Upstream(desk)
        self._waiting: dict[str, Candidate] = {}
        self._tried: set[str] = set()
        self._running: list[Running] = []
        self._denied = 0
        self._troubles = 0
        self._line = self._lined_up(due)

    def _lined_up(self, due: Iterable[Candidate | str]) -> Line:
        for found in due:
            if isinstance(found, str):
                self._bury(found, Status.NEW, "its item in the table is broken")
            else:
                self._waiting[found.job] = found
        self._running = list(self._desk.services.store.running())
        self.counts["Open"] = len(self._running)
        return self._line_of(self._waiting.values(), self._control.turns, frozenset())

    def _line_of(self, jobs: Iterable[Candidate], turns: Mapping[Any, int], full: frozenset[Pool]) -> Line:
        now = self._desk.clock()
        return Line(
            jobs,
            running=self._running,
            budgets=self._quotas.within(budgets(self._desk.settings), now),
            cooling=self._control.cooling(now) | full,
            turns=turns,
            now=now,
        )

    def run(self) -> None:
        """Launch until nothing more fits, or time is up. What AWS's quota of a pool keeps out may go to fallbacks."""
        self._go()
        full = self._quotas.pools(self._desk.clock())
        rest = [job for job in self._waiting.values() if job.fallbacks and job.job not in self._tried]
        if rest and full and self._denied < MOST_DENIED:
            self._line = self._line_of(rest, self._line.turns, full)
            self._go()

    def _go(self) -> None:
        """What one job does to us does not stop the others."""
        while self._pace.has_time() and (choice := self._line.next()) is not None:
            try:
                if not self._take(choice):
                    return
            except Exception as error:  # noqa: BLE001 - a poisoned job must not keep the others from being launched
                self._troubles += 1
                self.trouble = f"{choice.candidate.job}: {type(error).__name__}: {error}"
                self._failed(choice.candidate.job, self.trouble)
                if self._troubles >= MOST_TROUBLES:
                    return

    def save(self) -> None:
        """Keep what was learnt, with one write; a run that made no call learnt nothing."""
        if self.counts["calls"]:
            state = replace(self._control, bucket=self._pace.bucket, turns=self._line.turns)
            learnt = self._quotas.text(self._desk.clock())
            try:
                self._desk.services.store.save_control(LAUNCHER, {**state.item(), "quotas": learnt})
            except Exception as error:  # noqa: BLE001 - the jobs are launched; what was learnt is learnt again
                self.trouble = f"the launcher's state was not kept: {type(error).__name__}: {error}"

    def report(self) -> dict[str, int]:
        """Return the run's figures. A job that waits for another is not late."""
        now = self._desk.clock()
        late = [now - job.due_at for job in self._waiting.values() if job.waits_for is None]
        return {
            "OldestDueSeconds": max([0, *late]) // 1000,
            "Due": len(self._waiting),
            **{name: self.counts[name] for name in ("Open", "Launched", "LaunchErrors", "Throttled", "PutBack")},
        }

    def _take(self, choice: Choice) -> bool:
        """Claim a job and have it made; False when the run has to end."""
        candidate = choice.candidate
        self._tried.add(candidate.job)
        best: Mapping[str, str] | None = None
        if candidate.waits_for is not None:
            state, best = self._upstream.best(candidate.waits_for)
            if state in {WAIT, NEVER}:
                self._line.give_back(choice)
                return state == WAIT or self._end_with(candidate)
        if not self._pace.wait():
            return False
        change = changes.claim(candidate.job, candidate.attempt, pool=choice.pool, now=self._desk.clock())
        row = self._desk.services.store.claim(change, self._token)
        self._waiting.pop(candidate.job, None)
        if row is None:  # another run has it, or it was cancelled
            self._line.give_back(choice)
            return True
        try:
            record = records.from_item(row)
        except records.RecordError as error:
            self._bury(candidate.job, Status.LAUNCHED, str(error))
            self._line.give_back(choice)
            return True
        return self._make(record, choice, best)

    def _make(self, record: Record, choice: Choice, best: Mapping[str, str] | None) -> bool:
        """Have SageMaker make a claimed job, and write what came of it unless it runs."""
        try:
            job = readable(record)
            if job is None:
                raise ValueError("its document cannot be read")
            made = request.build(job, attempt=record.attempt, pool=choice.pool, settings=self._desk.settings, best=best)
        except Exception as error:  # noqa: BLE001 - whatever one document does, it is that job's failure
            self._line.give_back(choice)
            self._failed(record.job, str(error))
            self._desk.refuse(record, f"the job cannot be launched: {error}")
            return True
        self._running.append(Running(record.owner, choice.pool, choice.candidate.instance_count))
        found = queue_create.create(self._desk, self._pace, made, record)
        self.counts["calls"] += found.calls
        self.counts["Throttled"] += found.throttled
        self._denied = self._denied + 1 if found.outcome is Launch.DENIED else 0
        return self._came_of(found, record, job, choice)

    def _came_of(self, found: queue_create.Made, record: Record, job: Job, choice: Choice) -> bool:
        """Write what came of the calls; False when the run has to end."""
        if found.outcome is Launch.LAUNCHED:
            self._control = self._control.launched(choice.pool)
            self.counts["Launched"] += 1
            self.counts["Open"] += 1
            return True
        if found.outcome is not Launch.UNKNOWN:  # that one may run: its instances stay taken
            self._running.pop()
            self._line.give_back(choice)
        if found.outcome in {Launch.REFUSED, Launch.DENIED, Launch.UNKNOWN}:
            self._failed(record.job, found.reason)
        if found.outcome in {Launch.QUOTA, Launch.CAPACITY}:
            self._full(choice.pool, found.outcome)
        if found.outcome is not Launch.UNKNOWN:  # of that one the sweep finds out whether it was made
            settled = self._desk.not_made(record, job, found.outcome, found.reason)
            if settled.again:  # it waits as long as before
                self.counts["PutBack"] += 1
                self._waiting[record.job] = choice.candidate
        if self._denied >= MOST_DENIED:
            self.trouble = f"AWS denies launching: {found.reason}"
        return self._denied < MOST_DENIED and found.outcome is not Launch.THROTTLED

    def _full(self, pool: Pool, outcome: Launch) -> None:
        """Launch nothing more into a pool in this run; in the next ones as many as run now, or after a while."""
        now = self._desk.clock()
        self._line.close(pool)
        running = sum(one.instance_count for one in self._running if one.pool == pool)
        if outcome is Launch.QUOTA and running > 0:
            self._quotas = self._quotas.refused(pool, running=running, now=now)
        else:
            self._control = self._control.refused(pool, now)

    def _end_with(self, candidate: Candidate) -> bool:
        """End a job whose tuning gives nothing."""
        self._waiting.pop(candidate.job, None)
        try:
            self._upstream.end(candidate.job, str(candidate.waits_for))
        except records.RecordError as error:
            self._bury(candidate.job, Status.NEW, str(error))
        return True

    def _bury(self, job: str, status: Status, reason: str) -> None:
        now = self._desk.clock()
        expires_at = now // 1000 + self._desk.settings.history_days * 86_400
        self._failed(job, reason)
        self._desk.services.store.bury(job, status, reason=reason, now=now, expires_at=expires_at)

    def _failed(self, job: str, reason: str) -> None:
        self.counts["LaunchErrors"] += 1
        log("ERROR", "not launched", job=job, reason=reason)


def budgets(settings: Settings) -> dict[Pool, int]:
    """Return how many instances of each pool may run at once."""
    found = {}
    for name, entry in settings.instance_types.items():
        found[Pool(name, Purchase.ON_DEMAND)] = entry.budget
        found[Pool(name, Purchase.SPOT)] = entry.spot_budget
    return found
