"""The sandbox's one clock: AWS's time passes faster than a wall clock's.

AWS durations (provisioning, baking, alarm periods, schedules, retries, delays) are AWS seconds on this clock. What a
client compares with its own clock (signatures, expiry of credentials and presigned URLs, time stamps of objects) stays
wall time. Work that really happens here, such as loading a model or training one, takes the time that it takes.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

log = logging.getLogger(__name__)
Steps = Generator[float, None, None]  # yields how many AWS seconds to wait before it goes on
DEFAULT_SPEED = 60.0
FASTEST = 1e5
_REST = 0.02  # wall seconds between two runs of the same repeated work, however fast the clock is
_WORKERS = 16
_shared: list[Clock] = []
_making = threading.Lock()


@dataclass(order=True)
class _Due:
    moment: float  # AWS seconds since the clock began
    number: int
    timer: Timer = field(compare=False)


class Timer:
    """Work that the clock does later; `cancel()` takes it back."""

    def __init__(self, name: str, work: Callable[[], object], period: float | None = None) -> None:
        self.name, self.work, self.period = name, work, period
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Do it no more. What runs already goes on to its end."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether it was taken back."""
        return self._cancelled.is_set()


class Clock:
    """Tells AWS's time, waits in AWS seconds, and runs what is due. Safe for threads; one for the whole server."""

    def __init__(self, speed: float, *, start: datetime | None = None) -> None:
        """`speed`: AWS seconds that pass in one second here; `start`: AWS's time now, by default the wall clock's."""
        self._speed = checked(speed)
        self._origin = start or datetime.now(UTC)
        self._anchor = (time.monotonic(), 0.0)  # wall moment, AWS seconds that had passed by then
        self._turned = threading.Condition()
        self._stopped = False
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._workers: ThreadPoolExecutor | None = None

    @property
    def speed(self) -> float:
        """AWS seconds that pass in one second here."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Go on at another speed from this moment; time never jumps. Raises ValueError."""
        speed = checked(speed)
        with self._turned:
            self._anchor = (time.monotonic(), self.elapsed())
            self._speed = speed
            self._turned.notify_all()

    def elapsed(self) -> float:
        """Return the AWS seconds since the clock began."""
        with self._turned:
            wall, passed = self._anchor
            return passed + (time.monotonic() - wall) * self._speed

    def now(self) -> datetime:
        """Return AWS's time, aware, in UTC: wall time at the start, ahead of it afterwards."""
        return self._origin + timedelta(seconds=self.elapsed())

    def ahead(self) -> float:
        """Return by how many seconds AWS's time is ahead of the wall clock."""
        return (self.now() - datetime.now(UTC)).total_seconds()

    def sleep(self, seconds: float) -> bool:
        """Wait for so many AWS seconds. Return whether the clock still runs."""
        deadline = self.elapsed() + max(seconds, 0)
        with self._turned:
            while not self._stopped and (left := deadline - self.elapsed()) > 0:
                self._turned.wait(min(left / self._speed, threading.TIMEOUT_MAX))
            return not self._stopped

    def run(self, steps: Steps, *, name: str) -> threading.Thread:
        """Work through `steps` in a thread of its own; between them, wait as long as each asks for."""
        thread = threading.Thread(target=self._drive, args=(steps, name), name=name, daemon=True)
        thread.start()
        return thread

    def every(self, seconds: float, work: Callable[[], object], *, name: str) -> Timer:
        """Do the work each time so many AWS seconds have passed, never twice at once; what raises is logged.

        When the clock is faster than the work, beats are left out: at most 50 a wall second.
        """
        if seconds <= 0:
            raise ValueError(f"{name} must wait between two runs, not {seconds} s")
        return self._schedule(seconds, Timer(name, work, seconds))

    def at(self, moment: datetime, work: Callable[[], object], *, name: str) -> Timer:
        """Do the work once, at a moment of AWS's time (aware); at once when it has passed."""
        return self._schedule((moment - self.now()).total_seconds(), Timer(name, work))

    def after(self, seconds: float, work: Callable[[], object], *, name: str) -> Timer:
        """Do the work once, so many AWS seconds from now."""
        return self._schedule(seconds, Timer(name, work))

    @property
    def stopped(self) -> bool:
        """Whether the sandbox is ending: nothing is to be started any more."""
        return self._stopped

    def stop(self) -> None:
        """End all waiting: the generators are closed where they stand, what is due later is dropped."""
        with self._turned:
            self._stopped = True
            self._due.clear()
            workers, self._workers = self._workers, None
            self._turned.notify_all()
        if workers is not None:
            workers.shutdown(wait=False, cancel_futures=True)

    def describe(self) -> dict[str, float | str]:
        """Return what status, health and page show."""
        return {
            "now": self.now().isoformat(timespec="seconds"),
            "speed": self._speed,
            "elapsed_s": round(self.elapsed(), 1),
            "ahead_s": round(self.ahead(), 1),
        }

    def _drive(self, steps: Steps, name: str) -> None:
        try:
            for seconds in steps:
                if not self.sleep(seconds):
                    break
        except Exception:
            log.exception("%s ended with an error of the sandbox's own", name)
        finally:
            steps.close()

    def _schedule(self, seconds: float, timer: Timer) -> Timer:
        with self._turned:
            if self._stopped:
                timer.cancel()
                return timer
            if self._workers is None:
                self._workers = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="clock")
                threading.Thread(target=self._serve, name="clock", daemon=True).start()
            heapq.heappush(self._due, _Due(self.elapsed() + max(seconds, 0), next(self._numbers), timer))
            self._turned.notify_all()
        return timer

    def _serve(self) -> None:
        while (due := self._next()) is not None:
            with self._turned:
                workers = self._workers
                if workers is not None and not due.timer.cancelled:
                    workers.submit(self._work, due)

    def _next(self) -> _Due | None:
        """Wait for what is due first and take it; None when the clock was stopped."""
        with self._turned:
            while not self._stopped:
                left = self._due[0].moment - self.elapsed() if self._due else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._due)
                self._turned.wait(None if left is None else min(left / self._speed, threading.TIMEOUT_MAX))
            return None

    def _work(self, due: _Due) -> None:
        timer = due.timer
        try:
            if not timer.cancelled:
                timer.work()
        except Exception:
            log.exception("%s failed", timer.name)
        if timer.period is None or timer.cancelled or self._stopped:
            return
        now = self.elapsed()
        beats = max(1, math.ceil((now + _REST * self._speed - due.moment) / timer.period))
        self._schedule(due.moment + beats * timer.period - now, timer)


def checked(speed: float) -> float:
    """Return the speed. Raises ValueError unless it is a number above 0 and at most FASTEST."""
    if not 0 < speed <= FASTEST:  # false for NaN, too
        raise ValueError(f"the speed of the sandbox's clock must be above 0 and at most {FASTEST:.0f}, not {speed}")
    return float(speed)


def speed_from_environment() -> float:
    """Return what SANDBOX_SPEED asks for, 60 without it. Raises ValueError."""
    text = os.environ.get("SANDBOX_SPEED") or str(DEFAULT_SPEED)
    try:
        return checked(float(text))
    except ValueError as error:
        raise ValueError(f"SANDBOX_SPEED must be a number above 0 and at most {FASTEST:.0f}, not {text!r}") from error


def shared() -> Clock:
    """Return the clock of this process; made with SANDBOX_SPEED by whoever asks first."""
    with _making:
        if not _shared:
            _shared.append(Clock(speed_from_environment()))
        return _shared[0]


def share(clock: Clock) -> Clock:
    """Make this the clock of the process: a server starts, or a test brings its own."""
    with _making:
        if _shared and _shared[0] is not clock:
            _shared[0].stop()
        _shared[:] = [clock]
    return clock


def begin() -> Clock:
    """Return the clock for a server that starts: the shared one, or a new one when that was stopped."""
    found = shared()
    return share(Clock(speed_from_environment())) if found.stopped else found
