"""The safety net: launched jobs of which nothing was heard are looked for in what SageMaker lists, slowly.

ListTrainingJobs takes 2 requests a second for each account: all lists of a sweep share one pace below it. A short or
an empty page with a token is not the end, because filters apply after MaxResults; a throttled call is made again with
the same token. Only what a list cannot tell is described: how a job ended whose event was lost, and whether a job that
was on no page exists at all.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from queue_jobs import CallError, Listing, UnansweredError
from queue_outlets import datum, log
from queue_services import Clock, Remaining, Services, Sleep
from queue_settle import Desk
from queue_store import SWEEP, Open

from glue.core.training import ends, outcomes
from glue.core.training.outcomes import Launch
from glue.core.training.settings import Settings
from glue.core.training.words import Kind, Status

GRACE_MS = 10 * 60_000  # events are seldom later
STOP_GRACE_MS = 120_000  # longer than a launcher runs: what it has claimed is made by then, or never
SKEW_MS = 5 * 60_000  # our clock and SageMaker's; and a claim is older than its job
INTERVAL_S = 0.6  # between list calls: never more than 2 in a second
SLOWEST_S = 30.0
MARGIN_MS = 30_000
DESCRIBE_INTERVAL_S = 0.2
FOR_EVER = 2**53
PASSING = frozenset({Launch.THROTTLED, Launch.UNKNOWN})


def run(
    services: Services,
    settings: Settings,
    *,
    clock: Clock,
    sleep: Sleep,
    remaining: Remaining,
    draw: outcomes.Draw = random.random,
) -> dict[str, Any]:
    """Look once at all that is open, and return the counts. A run whose time is over says so, and the next goes on.

    Raises SweepError at its end when a kind of jobs could not be listed.
    """
    sweep = Sweep(Desk(services, settings, clock, draw), sleep, remaining)
    sweep.run()
    found = {name: sweep.counts[name] for name in ("open", "lists", "throttled", "described", "ended", "again", "lost")}
    found |= {name: sweep.counts[name] for name in ("stopped", "failed")}
    if sweep.counts["again"] + sweep.counts["lost"]:
        data = [datum(settings.queue, "Resubmitted", sweep.counts["again"] + sweep.counts["lost"])]
        services.outlets.metrics(data)
    log("INFO", "swept", **found, finished=sweep.finished)
    if sweep.trouble:
        raise SweepError(sweep.trouble)
    return {**found, "finished": sweep.finished}


class SweepError(Exception):
    """A kind of jobs could not be looked at: somebody has to look at roles and policies."""


class Sweep:
    """One run."""

    def __init__(self, desk: Desk, sleep: Sleep, remaining: Remaining) -> None:
        self.counts: Counter[str] = Counter()
        self.finished = True
        self.trouble = ""
        self._desk = desk
        self._sleep = sleep
        self._remaining = remaining
        self._next_list = 0

    def run(self) -> None:
        """List kind after kind; begin where the last run's time ended."""
        now = self._desk.clock()
        wanted: dict[Kind, list[Open]] = {}
        for job in self._desk.services.store.open_jobs():
            self.counts["open"] += 1
            if _is_silent(job, now):
                wanted.setdefault(job.kind, []).append(job)
        before = self._desk.services.store.control(SWEEP) or {}
        state = dict.fromkeys(map(str, Kind), 0)
        for kind in sorted(wanted):
            try:
                state[kind] = self._kind(kind, wanted[kind], _time(before.get(kind)))
            except CallError as error:  # one kind that AWS denies us leaves the others
                self.trouble = f"the {kind} jobs cannot be listed: {error}"
                log("ERROR", self.trouble)
        self.finished = not any(state.values()) and not self.trouble
        if any(state.values()) or any(before.get(name) for name in state):
            self._desk.services.store.save_control(SWEEP, state)

    def _kind(self, kind: Kind, jobs: list[Open], begin: int) -> int:
        """Look at the jobs of one kind. Returns the time up to which it got, 0 when it got to the end.

        Lists are in the order of creation. So what was claimed well before the last one on a page, and was on no page,
        is on none.
        """
        todo = {job.remote_name: job for job in jobs if job.launched_at >= begin}
        if not todo:  # the rest of the last run has ended meanwhile
            todo = {job.remote_name: job for job in jobs}
        since = min(job.launched_at for job in todo.values()) - SKEW_MS
        token: str | None = None
        while todo:
            page = self._page(kind, since, token)
            if page is None:
                break
            for summary in page.jobs:
                job = todo.get(ends.name_of(kind, summary) or "")
                if job is not None and self._has_time():
                    del todo[job.remote_name]
                    self._seen(job, ends.status_of(kind, summary))
            token = page.following
            self._look_at_missing(todo, FOR_EVER if token is None else _reached(page) - SKEW_MS)
            if token is None:
                break
        return min((job.launched_at for job in todo.values()), default=0)

    def _look_at_missing(self, todo: dict[str, Open], until: int) -> None:
        for job in sorted(todo.values(), key=lambda one: one.launched_at):
            if job.launched_at >= until or not self._has_time():
                return
            del todo[job.remote_name]
            self._guarded(job, self._look)

    def _page(self, kind: Kind, since: int, token: str | None) -> Listing | None:
        """Return a page, however often AWS throttles the call; None when time is over."""
        pause = INTERVAL_S
        while self._has_time(max(0, self._next_list - self._desk.clock())):
            self._sleep(max(0, self._next_list - self._desk.clock()) / 1000)
            self._next_list = self._desk.clock() + round(INTERVAL_S * 1000)
            self.counts["lists"] += 1
            try:
                return self._desk.services.jobs.page(str(kind), since, token)
            except UnansweredError as error:
                log("WARNING", "a list call had no answer", kind=str(kind), error=str(error))
            except CallError as error:
                if outcomes.launch_error(error.code, error.message, error.status) not in PASSING:
                    raise
                self.counts["throttled"] += 1
            pause = min(pause * 2, SLOWEST_S)
            self._next_list = self._desk.clock() + round(pause * 1000 * (0.5 + self._desk.draw() / 2))
        return None

    def _seen(self, job: Open, status: str | None) -> None:
        if status in ends.TERMINAL:
            self._guarded(job, self._look)
        elif job.stop_requested_at is not None and status != "Stopping":
            self._guarded(job, self._stop)

    def _guarded(self, job: Open, work: Any) -> None:
        """Whatever one job does, the others are looked at."""
        try:
            work(job)
        except Exception as error:  # noqa: BLE001
            self.counts["failed"] += 1
            log("ERROR", "not settled", job=job.job, error=f"{type(error).__name__}: {error}")

    def _look(self, job: Open) -> None:
        """Describe a job that has ended, or that no list held, and write what it means."""
        record = self._desk.services.store.get(job.job)
        if record is None or record.status is not Status.LAUNCHED:
            return  # the index was old: an event came
        if record.remote_name != job.remote_name or record.launched_at != job.launched_at:
            return  # it was claimed again
        self._sleep(DESCRIBE_INTERVAL_S)
        self.counts["described"] += 1
        answer = self._desk.services.jobs.describe(str(job.kind), job.remote_name)
        if answer is None:
            settled = self._desk.lost(record)
            self.counts["lost"] += settled.again
            self.counts["stopped"] += settled.changed and not settled.again
            return
        end = ends.of_description(job.kind, answer)
        if end is not None:
            settled = self._desk.settle(record, end)
            self.counts["again" if settled.again else "ended"] += settled.changed
        elif job.stop_requested_at is not None:
            self._stop(job)

    def _stop(self, job: Open) -> None:
        """Ask again for what was asked while the job was not made yet, or while AWS did not answer."""
        self.counts["stopped"] += self._desk.services.jobs.stop(str(job.kind), job.remote_name)

    def _has_time(self, wait_ms: int = 0) -> bool:
        return self._remaining() - wait_ms > MARGIN_MS


def _reached(page: Listing) -> int:
    """Return when the last job of a page was created; 0 for an empty one."""
    times = [one["CreationTime"].timestamp() for one in page.jobs if "CreationTime" in one]
    return round(max(times, default=0.0) * 1000)


def _time(value: object) -> int:
    """Whatever the control item holds: a time that is not one begins anew."""
    return value if isinstance(value, int) else 0


def _is_silent(job: Open, now: int) -> bool:
    if job.stop_requested_at is not None and now - job.stop_requested_at > STOP_GRACE_MS:
        return True
    return now - job.launched_at > GRACE_MS
