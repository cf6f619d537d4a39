"""Every denial: the last ones in memory for the page, all of them in `.sandbox/denials.jsonl`."""

from __future__ import annotations

import datetime
import json
import threading
from collections import deque
from pathlib import Path
from typing import Any

_KEPT = 50
_last: deque[dict[str, Any]] = deque(maxlen=_KEPT)
_files: list[Path] = []
_lock = threading.Lock()


def keep_in(path: Path) -> None:
    """Write denials to this file from now on; those of an earlier server are forgotten."""
    with _lock:
        _files[:] = [path]
        _last.clear()


def add(*, principal: str, action: str, resource: str, reason: str, operation: str, mode: str, account: str) -> None:
    """Note one denial."""
    entry = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "principal": principal,
        "action": action,
        "resource": resource,
        "reason": reason,
        "operation": operation,
        "mode": mode,
        "account": account,
    }
    with _lock:
        _last.appendleft(entry)
        if _files and _files[0].parent.is_dir():
            with _files[0].open("a") as file:
                file.write(json.dumps(entry) + "\n")


def last() -> list[dict[str, Any]]:
    """Return the last denials, newest first."""
    with _lock:
        return list(_last)
