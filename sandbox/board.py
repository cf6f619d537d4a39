"""What the page shows: each part of the sandbox registers a provider under its name; one JSON document has them all.

`GET /_sandbox/board` answers `{"server": {...}, "parts": {<name>: <what its provider returned>}, "failed":
{<name>: <why>}}`.
A name that nobody registered is absent, and the page says so. A provider returns JSON-able data at once (it is called
every second, so a millisecond is a lot), takes no lock for long, and never raises because there is nothing to show.

Accounts are ids ("222222222222"); the page puts names on them. Times are ISO 8601 with "Z", of AWS's clock unless said
otherwise. Every text may come from whoever calls the sandbox: the page shows it as text, providers need not escape.
A field that is not known is left out or null. These are the shapes that the page reads:

clock      {"now": time, "speed": 60.0, "enforcement": "enforce"|"observe"|"off"}
endpoints  [{"account", "name", "status": "InService"|"Updating"|"RollingBack"|..., "reason": str|null, "changed": time,
             "config": name of the live config, "target": name of the config being deployed or null,
             "phase": null|"creating"|"shifting"|"baking"|"rolling back"|"terminating",
             "phase_ends": time|null, "alarms": [names of the rollback alarms],
             "fleets": [{"config": str, "variant": str, "role": "live"|"new"|"shadow",
                         "share": 0.0..1.0 of the traffic, "instances": int, "desired": int,
                         "instance_type": str (or "serverless"), "image": digest|null}]}]
traffic    [{"account", "endpoint", "variant" (the page adds them up), "rate": [at most 60 points:
             requests a second, oldest first],
             "step_s": seconds between points, "errors_5xx": int and "errors_4xx": int in the points' time,
             "p50_ms": float|null, "p99_ms": float|null}]
alarms     [{"account", "name", "state": "OK"|"ALARM"|"INSUFFICIENT_DATA", "reason": str, "changed": time,
             "metric": str, "composite": bool}]
queues     [{"account", "name", "visible": int, "in_flight": int, "delayed": int,
             "dead_letters": bool (it is such a queue)}]
outbox     [{"time", "account", "to": str, "subject": str, "body": str (the first 2,000 characters)}],
           newest first, at most 20
denials    [{"time" (wall clock), "principal": arn, "action": str, "resource": arn, "reason": str, "operation": str,
             "mode": "enforce"|"observe", "account": str}], newest first, at most 20
events     [{"time", "account", "source": str, "type": detail-type, "resource": str, "detail": str (short),
             "delivered": [names of rules that matched]}], newest first, at most 30
schedules  [{"account", "name", "expression": str, "next": time|null, "last": time|null, "enabled": bool,
             "target": str, "last_error": str|null}]
jobs       [{"account", "kind": "training"|"processing"|"tuning", "name", "status": str, "secondary": str|null,
             "reason": str|null, "created": time (wall clock)}], newest first, at most 8 of each account
faults     what `sandbox.faults.describe()` returns
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)
Provider = Callable[[], object]
NAMES = (
    "clock",
    "endpoints",
    "traffic",
    "alarms",
    "jobs",
    "queues",
    "outbox",
    "denials",
    "events",
    "schedules",
    "faults",
)
_providers: dict[str, Provider] = {}
_complained: set[str] = set()
_lock = threading.Lock()


def register(name: str, provider: Provider) -> None:
    """Show what `provider` returns under `name`; a later registration replaces an earlier one.

    Raises ValueError for a name that the page does not know.
    """
    if name not in NAMES:
        raise ValueError(f"the page shows {', '.join(NAMES)}; it has no place for {name!r}")
    with _lock:
        _providers[name] = provider
        _complained.discard(name)


def providers() -> dict[str, Provider]:
    """Return who tells about what."""
    with _lock:
        return dict(_providers)


def forget_providers() -> None:
    """Forget every provider: a new application is about to install its own."""
    with _lock:
        _providers.clear()
        _complained.clear()


def snapshot() -> dict[str, Any]:
    """Return `parts` and `failed` of now. A provider that raises is named in `failed`, the others are shown."""
    parts: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, provider in providers().items():
        try:
            found = provider()
            json.dumps(found)
        except Exception as error:  # noqa: BLE001  (one part that is broken must not hide the others)
            failed[name] = f"{type(error).__name__}: {error}"[:300]
            _complain(name)
        else:
            parts[name] = found
    return {"parts": parts, "failed": failed}


def _complain(name: str) -> None:
    """Log the traceback of a provider's failure once: it is asked every second."""
    with _lock:
        first = name not in _complained
        _complained.add(name)
    if first:
        log.exception("the page's part %s", name)
