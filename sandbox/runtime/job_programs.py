"""The programs of one job, one for each of its instances: started together, watched, ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import workloads
from sandbox.runtime import programs
from sandbox.runtime.context import Context
from sandbox.runtime.logs import LogStream
from sandbox.runtime.training_job import JobError

# AWS seconds from SIGTERM to SIGKILL: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
STOP_GRACE = 120.0
FIRST_LOOK, LONGEST_LOOK = 0.004, 0.05  # wall seconds between two looks


@dataclass
class Crew:
    """The programs of a job. `failed`: host and exit code of the first that failed by itself."""

    context: Context
    failed: tuple[str, int] | None = None
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)  # by host

    def start(self, host: str, argv: list[str], *, name: str, env: Mapping[str, str], cwd: Path, **more: Any) -> None:
        """Start the program of one instance. Raises OSError; what runs already is to be stopped then."""
        self.processes[host] = programs.start(self.context, argv, name=name, env=env, cwd=cwd, **more)

    def wait(self, why: Callable[[], str | None]) -> str | None:
        """Wait until all have ended, or one has failed, or `why` names a reason to end them: that is returned.

        Whatever still runs then gets SIGTERM, and its time to save what it has. Raises JobError when the sandbox ends:
        there is no S3 any more to upload anything to.
        """
        try:
            reason = self._watch(why)
        except BaseException:
            self.end(grace_s=1.0)
            raise
        self.end(grace_s=self.grace)
        return reason

    def _watch(self, why: Callable[[], str | None]) -> str | None:
        look = FIRST_LOOK
        while self._running():
            if self.context.clock.stopped:
                raise JobError("InternalServerError: The sandbox has ended.")
            reason = why()
            if reason is not None or self.failed is not None:
                return reason
            time.sleep(look)
            look = min(look * 1.5, LONGEST_LOOK)
        return None

    def _running(self) -> bool:
        codes = [(host, one.poll()) for host, one in self.processes.items()]
        if self.failed is None:
            self.failed = next(((host, code) for host, code in codes if code), None)
        return any(code is None for _, code in codes)

    @property
    def grace(self) -> float:
        """Wall seconds from SIGTERM to SIGKILL: saving is real work, so there are some, however fast the clock is."""
        return max(STOP_GRACE / self.context.clock.speed, self.context.limits.stop)

    def end(self, *, grace_s: float) -> None:
        """End what runs, all at the same time: one SIGTERM, and after the grace SIGKILL to all that is left."""
        running = [one for one in self.processes.values() if one.poll() is None]
        for one in running:
            _signal(one, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        for one in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(timeout=max(deadline - time.monotonic(), 0.0))
        for one in self.processes.values():
            _signal(one, signal.SIGKILL)  # a container's end is the end of all its processes
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(timeout=5.0)
            workloads.forget(one)


def _signal(process: subprocess.Popen[bytes], sign: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)


def stream(account_id: str, region: str, group: str, name: str) -> LogStream:
    """Return the log stream of one instance; its name ends with the time, as SageMaker's do."""
    return LogStream(account_id, region, group, f"{name}-{int(time.time())}")
