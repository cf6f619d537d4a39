"""Which names a fault may use. One that no request can have is refused: its fault would never happen, in silence."""

from __future__ import annotations

import difflib
import fnmatch
import functools
from collections.abc import Iterable
from typing import Any

from sandbox import settings
from sandbox.errors import SandboxError

_WILD = "*?["


def is_pattern(text: str) -> bool:
    """Return whether a text is a pattern rather than a name."""
    return any(mark in text for mark in _WILD)


def suggestion(wrong: str, right: Iterable[str]) -> str:
    """Return a text to append: the nearest right word, or else all of them when they are few."""
    known = sorted(right)
    folded = {one.lower(): one for one in known}
    begun = [one for one in folded if wrong and one.startswith(wrong.lower())]
    near = begun[:1] or difflib.get_close_matches(wrong.lower(), folded, n=1, cutoff=0.6)
    if near:
        return f": did you mean {folded[near[0]]!r}?"
    return f": known are {', '.join(known)}" if len(known) <= 40 else ""


def account_id(text: str) -> str:
    """Return the id of an account that is named by its environment's name or by its id. Raises SandboxError."""
    known = {
        **settings.ENVIRONMENT_ACCOUNTS,
        "application": settings.APPLICATION_ACCOUNT,
        "person": settings.PEOPLE_ACCOUNT,
    }
    if text in known:
        return known[text]
    if text in known.values():
        return text
    raise SandboxError(f"the sandbox has no account {text!r}" + suggestion(text, known))


def _botocore() -> Any:
    import botocore.session  # noqa: PLC0415  (a command that sets no fault does not wait for it)

    return botocore.session.get_session()


@functools.cache
def services() -> frozenset[str]:
    """Return botocore's names of all services."""
    return frozenset(_botocore().get_available_services())


@functools.cache
def operations(service: str) -> frozenset[str]:
    """Return the names of a service's operations."""
    return frozenset(_botocore().get_service_model(service).operation_names)


def check_operation(service: str, operation: str) -> None:
    """Raise SandboxError when no request can be to that service and operation (either may be empty: any)."""
    if service and service not in services():
        raise SandboxError(f"there is no service {service!r}" + suggestion(service, services()))
    if not operation:
        return
    if not service:
        raise SandboxError(f"the operation {operation!r} needs its service", remedy="for example --service sagemaker")
    known = operations(service)
    if is_pattern(operation):
        if not fnmatch.filter(known, operation):
            raise SandboxError(f"no operation of {service} matches {operation!r}")
    elif operation not in known:
        raise SandboxError(f"{service} has no operation {operation!r}" + suggestion(operation, known))
