"""Which process of a function works with which credentials: so that a fault can end the function that just called."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

_lock = threading.Lock()
_pids: dict[str, int] = {}  # access key -> process of the function that has it


def note(access_key_id: str, pid: int) -> None:
    """Remember whose credentials these are."""
    with _lock:
        _pids[access_key_id] = pid


def forget(access_key_id: str) -> None:
    """Its process has ended."""
    with _lock:
        _pids.pop(access_key_id, None)


def known(access_key_id: str) -> bool:
    """Whether a function works with this key."""
    return access_key_id in _pids


def kill(access_key_id: str) -> bool:
    """End the function at once, in the middle of what it does; whether there was one."""
    with _lock:
        pid = _pids.pop(access_key_id, None)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)  # not reaped yet: its record is taken back before it is waited for
        return True
