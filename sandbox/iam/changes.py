"""IAM is eventually consistent: a change is seen some seconds later, when somebody asks for that.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency

`delay` is set by whoever injects faults: it gets the ARN of the user or role and returns AWS seconds. Without it every
change is there at once.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sandbox.runtime import clock

Delay = Callable[[str], float]
Value = TypeVar("Value")
_delays: list[Delay] = []
_seen: dict[tuple[str, str], list[tuple[datetime.datetime, Any]]] = {}
_lock = threading.Lock()


def delay_by(delay: Delay | None) -> None:
    """Let changes wait for as many AWS seconds as `delay` says for a user's or role's ARN; None ends the waiting."""
    with _lock:
        _delays[:] = [delay] if delay is not None else []
        _seen.clear()


def effective(holder: tuple[str, str], value: Value) -> Value:
    """Return the value that is in force now; `holder` is the kind of policy and the ARN that it belongs to."""
    if not _delays:
        return value
    now = clock.shared().now()
    with _lock:
        history = _seen.setdefault(holder, [])
        wait = _delays[0](holder[1]) if _delays else 0.0
        if not history:
            history.append((now, value))
        elif history[-1][1] != value:
            history.append((now + datetime.timedelta(seconds=wait), value))
        while len(history) > 1 and history[1][0] <= now:
            history.pop(0)
        current: Value = history[0][1]
        return current
