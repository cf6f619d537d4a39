"""How a program of a job ends before its time: when it is told to stop, and when it fails."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from . import log

STOPPED = 128 + signal.SIGTERM  # the exit code of who did what it was told


def listen(stop: threading.Event) -> None:
    """Set the event at SIGTERM. Stopping a job and interrupting a spot instance send it, and wait for 120 s."""

    def listener(_: int, __: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, listener)


def failed(program: str, error: BaseException, *, files: Iterable[Path], limit: int) -> int:
    """Say in the log and, so many characters, in each of the files why the program failed. Returns exit code 1."""
    reason = log.describe(error)
    log.write("error", program, reason=reason, traceback=log.trace(error))
    for path in files:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(reason[:limit], encoding="utf-8")
        except OSError as problem:
            log.write("error", program, reason=f"cannot write {path}: {log.describe(problem)}")
    sys.stderr.flush()
    return 1
