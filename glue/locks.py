"""One change at a time on this machine: a file lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from glue.errors import RefusedError


@contextmanager
def held(path: Path, *, what: str) -> Iterator[None]:
    """Hold a lock file. Raises RefusedError, naming pid and since when, while another process of this machine does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(
                f"{what}: {_holder(path)} is at work on it", remedy="Wait until it is done, then run this again."
            ) from error
        note = {"pid": os.getpid(), "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "what": what}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        note = json.loads(path.read_text())
        return f"process {note['pid']} (since {note['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
