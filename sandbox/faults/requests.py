"""What faults do to requests, at the front door."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote

from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.faults.codes import refusal
from sandbox.faults.kinds import KINDS
from sandbox.faults.model import Fault
from sandbox.faults.shared import registry

_MET = "sandbox.faults"  # in the request's environment: what will still happen to its answer
_ON_REQUESTS = frozenset(name for name, kind in KINDS.items() if kind.on_requests)
_BODY_LIMIT = 1024 * 1024
# How far a signature's date may be off (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html and
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html)
_LATE_S: Mapping[str, float] = {"s3": 900.0}
_LATE_ELSEWHERE_S = 300.0
_STAMP = "%Y%m%dT%H%M%SZ"
_over = threading.Event()


class HangUp(Exception):  # noqa: N818  (nothing is wrong here: somebody asked for it)
    """The connection ends here, without an answer."""


class NoAnswer:
    """A body that ends the connection in the place of its first byte."""

    def __iter__(self) -> Iterator[bytes]:
        raise ConnectionAbortedError("a fault ended the connection")


def before(call: Call) -> None:
    """Let the faults that meet a request happen: waits, raises AwsError, or raises HangUp."""
    faults = registry()
    if faults.idle or not call.service:
        return
    for fault in faults.meet(_applicable(call), facts_of(call, resources=faults.needs_resources)):
        call.environ.setdefault(_MET, []).append(fault)
        if fault.kind == "slow":
            _over.wait(fault.number("ms") / 1000)
        elif fault.kind == "timeout":
            if fault.text("when") == "before":
                _over.wait(fault.number("hold_s"))
                raise HangUp
        elif fault.kind == "skew":
            _check_skew(call, fault)
        elif fault.kind not in {"cut", "corrupt"}:
            status = int(fault.effect.get("status", 500))
            raise refusal(fault.kind, call, message=str(fault.effect.get("message", "")), status=status)


def met(call: Call) -> list[str]:
    """Return the ids of the faults that met this request; for the access log."""
    return [fault.id for fault in call.environ.get(_MET, ())]


def headers(call: Call, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers of an answer, with the service's own date when its clock is skewed."""
    for fault in call.environ.get(_MET, ()):
        if fault.kind == "skew":
            date = format_datetime(_service_time(fault), usegmt=True)
            return [*((name, value) for name, value in found if name.lower() != "date"), ("Date", date)]
    return found


def after(call: Call, body: Iterable[bytes], length: Callable[[], int | None]) -> Iterable[bytes]:
    """Return what is sent of an answer's body, which may end in a ConnectionError.

    `length`: how many bytes its header announced, known once the body begins.
    """
    for fault in call.environ.get(_MET, ()):
        if fault.kind == "timeout" and fault.text("when") == "after":
            return _lost(body, fault)
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


def _applicable(call: Call) -> Iterable[str]:
    return _ON_REQUESTS if _may_conflict(call) else _ON_REQUESTS - {"lost-update"}


def _may_conflict(call: Call) -> bool:
    """Return whether a service could tell this request that another writer came first."""
    if call.service == "s3":
        return call.method != "GET" and any(name in call.headers for name in ("if-match", "if-none-match"))
    if call.service == "dynamodb":
        return call.operation.startswith("Transact") or b"ConditionExpression" in call.body()
    return not call.operation.startswith(("Get", "List", "Describe", "Head", "Search", "Query", "Scan"))


def _service_time(fault: Fault) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=fault.number("seconds"))


def _check_skew(call: Call, fault: Fault) -> None:
    """Raise what a service answers when a signature's date is too far from its own clock."""
    text = call.headers.get("x-amz-date") or call.query.get("X-Amz-Date") or ""
    try:
        signed = datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return  # not signed in this way: nothing that could be compared
    now = _service_time(fault)
    limit = _LATE_S.get(call.service, _LATE_ELSEWHERE_S)
    if abs((now - signed).total_seconds()) <= limit:
        return
    if call.service == "s3":
        fields = {
            "RequestTime": text,
            "ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "MaxAllowedSkewMilliseconds": "900000",
        }
        message = "The difference between the request time and the current time is too large."
        raise AwsError("RequestTimeTooSkewed", message, 403, fields=fields)
    edge = now - timedelta(seconds=limit) if signed < now else now + timedelta(seconds=limit)
    late = "expired" if signed < now else "not yet current"
    side, sign = ("earlier", "-") if signed < now else ("later", "+")
    message = f"Signature {late}: {text} is now {side} than {edge:{_STAMP}} ({now:{_STAMP}} {sign} 5 min.)"
    if call.protocol == "query":
        raise AwsError("SignatureDoesNotMatch", message, 403)
    raise AwsError("InvalidSignatureException", message, 403 if call.protocol == "rest-json" else 400)


def _lost(body: Iterable[bytes], fault: Fault) -> Iterator[bytes]:
    for _ in body:  # the work is done to its end
        pass
    _over.wait(fault.number("hold_s"))
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
