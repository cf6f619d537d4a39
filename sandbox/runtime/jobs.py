"""Runs SageMaker's jobs: thousands may be open, few programs run at once.

A job is a generator. It yields how many AWS seconds it waits, or a `Room`: the code after that holds so many of the
machine's places. A job that waits costs no thread, and one that finds no place goes on waiting in the state that it is
in, which for a training job is `Starting`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sandbox.runtime.clock import Clock, Timer
from sandbox.runtime.context import Context

log = logging.getLogger(__name__)
LEAST_PLACES = 4
_making = threading.Lock()
_current: list[Runner] = []


@dataclass(frozen=True)
class Room:
    """Places for so many programs."""

    programs: int = 1


Steps = Generator[float | Room, None, None]


@dataclass(eq=False)
class _Open:
    key: str
    steps: Steps
    waits: Timer | Room | None = None
    woken: bool = False
    turn: int = 0  # which wait this is: a timer of an earlier one has nothing to say


class Runner:
    """Works through jobs on one clock. Safe for threads."""

    def __init__(self, clock: Clock, places: int) -> None:
        """`places`: how many programs may run at once."""
        self.clock, self.places = clock, places
        self._free = places
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._queue: deque[_Open] = deque()
        self._pool = ThreadPoolExecutor(max_workers=places, thread_name_prefix="job")

    def start(self, key: str, steps: Steps) -> None:
        """Take on a job. Its first part, until it first waits, is done before this returns."""
        job = _Open(key, steps)
        with self._lock:
            self._open[key] = job
        self._go_on(job, 0)

    def wake(self, key: str) -> None:
        """End the wait of a job, also that for a place: it goes on with none, and has to see why."""
        with self._lock:
            job = self._open.get(key)
            if job is None:
                return
            waits, job.waits = job.waits, None
            if waits is None:
                job.woken = True
                return
            if isinstance(waits, Room):
                self._queue.remove(job)
            else:
                waits.cancel()
        self.clock.after(0, lambda: self._go_on(job, 0), name=f"wake {key}")
        self._grant()  # whoever stood behind it

    def stop(self) -> None:
        """Close every job where it stands: the sandbox ends."""
        with self._lock:
            waiting = [job for job in self._open.values() if job.waits is not None]
            self._queue.clear()
            self._open.clear()
        for job in waiting:
            job.steps.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def waiting(self) -> int:
        """How many jobs wait for a place."""
        return len(self._queue)

    def _go_on(self, job: _Open, held: int) -> None:
        """Do a job's next part, which holds so many places."""
        try:
            asked = next(job.steps, None)
        except Exception:
            log.exception("job %s ended with an error of the sandbox's own", job.key)
            asked = None
        if self.clock.stopped:
            job.steps.close()
            return
        with self._lock:
            self._free += held
            if asked is None:
                self._open.pop(job.key, None)
            elif job.woken:
                job.woken = False
                self._wait(job, 0.0)
            elif isinstance(asked, Room):
                job.waits = asked
                self._queue.append(job)
            else:
                self._wait(job, asked)
        self._grant()

    def _wait(self, job: _Open, seconds: float) -> None:
        """Under the lock: the timer must be known before it rings."""
        job.turn += 1
        turn = job.turn
        job.waits = self.clock.after(seconds, lambda: self._rang(job, turn), name=f"job {job.key}")

    def _rang(self, job: _Open, turn: int) -> None:
        with self._lock:
            if job.waits is None or job.turn != turn:
                return
            job.waits = None
        self._go_on(job, 0)

    def _grant(self) -> None:
        """Let those at the head of the queue go on, first come, first served, as long as there is room."""
        with self._lock:
            while self._queue and not self.clock.stopped:
                asked = self._queue[0].waits
                wanted = min(asked.programs, self.places) if isinstance(asked, Room) else 0
                if wanted > self._free:
                    return
                job = self._queue.popleft()
                job.waits = None
                self._free -= wanted
                self._pool.submit(self._go_on, job, wanted)


def places_from_environment() -> int:
    """Return what SANDBOX_JOBS asks for, by default two for each processor. Raises ValueError."""
    text = os.environ.get("SANDBOX_JOBS", "")
    if not text:
        return max(LEAST_PLACES, 2 * (os.cpu_count() or 1))
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ValueError(f"SANDBOX_JOBS must be a whole number from 1 to 1000, not {text!r}")
    return int(text)


def runner(context: Context) -> Runner:
    """Return the runner on the context's clock; made by whoever asks first."""
    with _making:
        if not _current or _current[0].clock is not context.clock:
            _current[:] = [Runner(context.clock, places_from_environment())]
        return _current[0]


def stop() -> None:
    """Close all jobs: the sandbox ends."""
    with _making:
        while _current:
            _current.pop().stop()
