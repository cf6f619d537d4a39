"""How fast calls are made, and when a run has to end."""

from __future__ import annotations

from queue_services import Clock, Remaining, Sleep

from glue.core.training.throttle import Bucket


class Pace:
    """One run's calls: a token bucket that learns from throttling, within the time that Lambda leaves."""

    def __init__(self, bucket: Bucket, *, clock: Clock, sleep: Sleep, remaining: Remaining, margin_ms: int) -> None:
        self.bucket = bucket
        self._clock = clock
        self._sleep = sleep
        self._remaining = remaining
        self._margin_ms = margin_ms

    def has_time(self, wait_ms: int = 0) -> bool:
        """Tell whether there is time for another call after so long a wait, and for what follows it."""
        return self._remaining() - wait_ms > self._margin_ms

    def wait(self) -> bool:
        """Wait until a call is allowed. False, at once, when that is beyond the run's time."""
        wait_ms = self.bucket.wait_ms(self._clock())
        if not self.has_time(wait_ms):
            return False
        if wait_ms > 0:
            self._sleep(wait_ms / 1000)
        self.bucket = self.bucket.take(self._clock())
        return True

    def throttled(self) -> None:
        """Go slower: AWS throttled a call."""
        self.bucket = self.bucket.throttled(self._clock())

    def succeeded(self) -> None:
        """Go a little faster."""
        self.bucket = self.bucket.succeeded()
