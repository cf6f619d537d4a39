"""What faults do to requests, at the front door."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sandbox import function_keys
from sandbox.faults.codes import refusal
from sandbox.faults.kinds import KINDS
from sandbox.faults.model import Fault
from sandbox.faults.shared import registry

if TYPE_CHECKING:
    from sandbox.calls import Call

_MET = "sandbox.faults"  # in the request's environment: what will still happen to its answer
_SKEW_S = "sandbox.clock_skew_s"  # in the request's environment: how far the service's clock is ahead of ours
_ON_REQUESTS = frozenset(name for name, kind in KINDS.items() if kind.on_requests) - {"skew"}
_BODY_LIMIT = 1024 * 1024
_LOOK_S = 0.1
_over = threading.Event()


class HangUp(Exception):  # noqa: N818  (nothing is wrong here: somebody asked for it)
    """The connection ends here, without an answer."""


class NoAnswer:
    """A body that ends the connection in the place of its first byte."""

    def __iter__(self) -> Iterator[bytes]:
        raise ConnectionAbortedError("a fault ended the connection")


def arrive(call: Call) -> None:
    """Let the clock of the service that answers this request be skewed, where a fault says so.

    This comes before the signature is looked at, so nobody knows yet who calls.
    """
    faults = registry()
    if faults.idle or not call.service:
        return
    for fault in faults.meet({"skew"}, facts_of(call, resources=faults.needs_resources)):
        call.environ.setdefault(_MET, []).append(fault)
        call.environ[_SKEW_S] = fault.number("seconds")


def before(call: Call) -> None:
    """Let the faults that meet a request happen: waits, raises AwsError, or raises HangUp."""
    faults = registry()
    if faults.idle or not call.service:
        return
    for fault in faults.meet(_applicable(call), facts_of(call, resources=faults.needs_resources)):
        call.environ.setdefault(_MET, []).append(fault)
        if fault.kind == "slow":
            _hold(fault, fault.number("ms") / 1000)
        elif fault.kind == "timeout":
            if fault.text("when") == "before":
                _hold(fault, fault.number("hold_s"))
                raise HangUp
        elif fault.kind == "kill-function":
            if fault.text("when") == "before":
                function_keys.kill(_key(call))
                raise HangUp
        elif fault.kind not in {"cut", "corrupt"}:
            status = int(fault.effect.get("status", 500))
            raise refusal(fault.kind, call, message=str(fault.effect.get("message", "")), status=status)


def met(call: Call) -> list[str]:
    """Return the ids of the faults that met this request; for the access log."""
    return [fault.id for fault in call.environ.get(_MET, ())]


def headers(call: Call, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers of an answer, with the service's own date when its clock is skewed."""
    if _SKEW_S not in call.environ:
        return found
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=call.environ[_SKEW_S]), usegmt=True)
    return [*((name, value) for name, value in found if name.lower() != "date"), ("Date", date)]


def after(call: Call, body: Iterable[bytes], length: Callable[[], int | None]) -> Iterable[bytes]:
    """Return what is sent of an answer's body, which may end in a ConnectionError.

    `length`: how many bytes its header announced, known once the body begins.
    """
    for fault in call.environ.get(_MET, ()):
        if fault.kind == "timeout" and fault.text("when") == "after":
            return _lost(body, fault)
        if fault.kind == "kill-function":
            return _killed(body, call)
        if fault.kind == "cut":
            return _cut(body, length)
        if fault.kind == "corrupt":
            return _corrupted(body)
    return body


def stop() -> None:
    """End every hold: the server ends."""
    _over.set()


def begin() -> None:
    """Let faults wait again: a server starts."""
    _over.clear()


def facts_of(call: Call, *, resources: bool = True) -> dict[str, list[str]]:
    """Return what a fault can be told to match; `resource` has every name that the request uses."""
    facts = {
        "account": [call.account_id],
        "service": [call.service],
        "operation": [call.operation],
        "principal": [call.principal.arn if call.principal else ""],
    }
    return {**facts, "resource": list(dict.fromkeys(_resources(call)))} if resources else facts


def _resources(call: Call) -> Iterator[str]:
    if call.resource:
        yield call.resource
    yield from (unquote(value) for value in call.parameters.values() if value)
    yield from (value for key, value in call.form.items() if key not in {"Action", "Version"} and len(value) <= 2048)
    if call.service == "s3" or call.protocol not in {"json", "rest-json"}:
        return
    if int(call.headers.get("content-length") or 0) > _BODY_LIMIT or call.service == "sagemaker-runtime":
        return
    try:
        document = json.loads(call.body() or b"{}")
    except ValueError:
        return
    if isinstance(document, dict):
        yield from (value for value in document.values() if isinstance(value, str) and 0 < len(value) <= 2048)


def _hold(fault: Fault, seconds: float) -> None:
    """Wait so many seconds, until the fault is taken back, or until the server ends."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and registry().stands(fault):
        if _over.wait(min(left, _LOOK_S)):
            return


def _applicable(call: Call) -> Iterable[str]:
    left_out = set() if _may_conflict(call) else {"lost-update"}
    return _ON_REQUESTS - (left_out if function_keys.known(_key(call)) else {*left_out, "kill-function"})


def _key(call: Call) -> str:
    return call.principal.access_key_id if call.principal else ""


def _may_conflict(call: Call) -> bool:
    """Return whether a service could tell this request that another writer came first."""
    if call.service == "s3":
        return call.method != "GET" and any(name in call.headers for name in ("if-match", "if-none-match"))
    if call.service == "dynamodb":
        return call.operation.startswith("Transact") or b"ConditionExpression" in call.body()
    return not call.operation.startswith(("Get", "List", "Describe", "Head", "Search", "Query", "Scan"))


def _lost(body: Iterable[bytes], fault: Fault) -> Iterator[bytes]:
    for _ in body:  # the work is done to its end
        pass
    _hold(fault, fault.number("hold_s"))
    yield from NoAnswer()


def _killed(body: Iterable[bytes], call: Call) -> Iterator[bytes]:
    for _ in body:  # the work is done to its end
        pass
    function_keys.kill(_key(call))
    yield from NoAnswer()


def _cut(body: Iterable[bytes], length: Callable[[], int | None]) -> Iterator[bytes]:
    left: int | None = None
    for chunk in body:
        announced = length()
        if left is None and announced is not None:
            left = announced // 2
        part = chunk[: left if left is not None else len(chunk) // 2]
        yield part
        if left is None or len(part) < len(chunk):
            break
        left -= len(part)
    yield from NoAnswer()


def _corrupted(body: Iterable[bytes]) -> Iterator[bytes]:
    done = False
    for chunk in body:
        if chunk and not done:
            done = True
            middle = len(chunk) // 2
            yield chunk[:middle] + bytes([chunk[middle] ^ 1]) + chunk[middle + 1 :]
        else:
            yield chunk
