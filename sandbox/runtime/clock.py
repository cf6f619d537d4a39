"""The sandbox's clock: AWS's waiting times pass faster than a wall clock's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator

log = logging.getLogger(__name__)
Steps = Generator[float, None, None]  # yields how many AWS seconds to wait before it goes on


class Clock:
    """Waits in AWS seconds and runs one generator for each deployment or job.

    Only AWS's own waiting (starting instances, baking, terminating) is shortened. Work that really happens here,
    such as loading a model or training one, takes the time that it takes.
    """

    def __init__(self, speed: float) -> None:
        """`speed`: AWS seconds that pass in one second here."""
        if speed <= 0:
            raise ValueError(f"the speed of the sandbox's clock must be above 0, not {speed}")
        self.speed = speed
        self._stopped = threading.Event()

    def sleep(self, seconds: float) -> bool:
        """Wait for so many AWS seconds. Return whether the clock still runs."""
        return not self._stopped.wait(max(seconds, 0) / self.speed)

    def run(self, steps: Steps, *, name: str) -> threading.Thread:
        """Work through `steps` in a thread of its own; between them, wait as long as each asks for."""
        thread = threading.Thread(target=self._drive, args=(steps, name), name=name, daemon=True)
        thread.start()
        return thread

    @property
    def stopped(self) -> bool:
        """Whether the sandbox is ending: nothing is to be started any more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End all waiting: the generators are closed where they stand."""
        self._stopped.set()

    def _drive(self, steps: Steps, name: str) -> None:
        try:
            for seconds in steps:
                if not self.sleep(seconds):
                    break
        except Exception:
            log.exception("%s ended with an error of the sandbox's own", name)
        finally:
            steps.close()
