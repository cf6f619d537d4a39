"""Work in the background: now, or later on the sandbox's clock. Nothing here runs inside a caller's request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sandbox.runtime import clock as clocks

log = logging.getLogger(__name__)
_THREADS = 64  # deliveries that wait for a function block one each
_lock = threading.Lock()
_pools: list[ThreadPoolExecutor] = []


def now() -> datetime:
    """Return AWS's time, aware, in UTC."""
    return clocks.shared().now()


def stamp(moment: datetime | None = None) -> str:
    """Return a moment (by default now) as events write it: `2026-01-31T12:00:00Z`."""
    return f"{moment or now():%Y-%m-%dT%H:%M:%SZ}"


def submit(name: str, task: Callable[[], object]) -> None:
    """Do it soon, in a thread of its own; what it raises is logged. After `stop` nothing is taken on."""
    with _lock:
        if clocks.shared().stopped:
            return
        if not _pools:
            _pools.append(ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="events"))
        _pools[0].submit(_run, name, task)


def later(seconds: float, name: str, task: Callable[[], object]) -> None:
    """Do it after so many AWS seconds."""
    clocks.shared().after(seconds, lambda: submit(name, task), name=name)


def every(seconds: float, name: str, task: Callable[[], object]) -> clocks.Timer:
    """Do it each time so many AWS seconds have passed, until the timer is cancelled."""
    return clocks.shared().every(seconds, task, name=name)


def stop() -> None:
    """Take on nothing more; what waits is dropped."""
    with _lock:
        while _pools:
            _pools.pop().shutdown(wait=False, cancel_futures=True)


def _run(name: str, task: Callable[[], object]) -> None:
    try:
        task()
    except Exception:
        log.exception("%s failed", name)
