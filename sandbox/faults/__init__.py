"""Faults on request: bad days to rehearse.

The front door calls `before` and `after` for each request; the engines behind it call `asks` where things can go wrong.
What kinds there are, and what each may say, is in `kinds.py`; faults are set by `python -m sandbox fault`, by a file of
`sandbox/scenarios/`, or in tests by `registry().add([...])`.
"""

from __future__ import annotations

from typing import Any

from sandbox.faults.kinds import KINDS
from sandbox.faults.model import Fault
from sandbox.faults.registry import Registry
from sandbox.faults.requests import HangUp, NoAnswer, after, arrive, before, headers, met
from sandbox.faults.shared import registry, started, use

__all__ = [
    "Fault",
    "HangUp",
    "NoAnswer",
    "Registry",
    "after",
    "arrive",
    "asks",
    "before",
    "describe",
    "headers",
    "met",
    "registry",
    "started",
    "use",
]


def asks(kind: str, **facts: str) -> Fault | None:
    """Return the fault of this kind that happens now, or None; a returned fault is counted as a hit.

    `facts`: what the kind can be told to match (`kinds.py`), as plain texts: an account's id, an endpoint's name.
    Raises ValueError for a kind or a fact that does not exist: a fault must not fail to fire because of a typing error.
    """
    known = KINDS.get(kind)
    if known is None or known.on_requests:
        raise ValueError(f"engines cannot ask for a fault of kind {kind!r}")
    unknown = sorted(set(facts) - set(known.facts))
    if unknown:
        raise ValueError(f"{kind} is not told by {', '.join(unknown)}, but by {', '.join(known.facts)}")
    if registry().idle:
        return None
    found = registry().meet({kind}, {key: (value,) for key, value in facts.items()})
    return found[0] if found else None


def describe() -> dict[str, Any]:
    """Return what the page and `fault list` show: `faults` as they are set, and the last `hits`, newest first."""
    return {"faults": registry().describe(), "hits": registry().recent()}
