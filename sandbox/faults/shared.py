"""The registry of this process: one for the whole server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sandbox.faults.registry import Registry


def _aws_time() -> datetime:
    from sandbox.runtime import clock  # noqa: PLC0415  (the clock's module needs the front door, which needs us)

    return clock.shared().now()


_shared = [Registry(_aws_time)]


def registry() -> Registry:
    """Return the faults of this process."""
    return _shared[0]


def started(log: Path) -> Registry:
    """Return an empty registry on the sandbox's clock, whose hits become lines of a file."""
    return Registry(_aws_time, log)


def use(other: Registry | None = None) -> Registry:
    """Make `other` the registry of the process: a server starts, or a test brings its own. None: an empty one."""
    _shared[0] = other or Registry(_aws_time)
    return _shared[0]
