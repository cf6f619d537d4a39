"""Golden requests: questions whose right answers travel with a release, and how near an answer must come."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from glue.core.strictjson import StrictObject, loads
from glue.errors import UsageError

FILE_LIMIT = 8 * 1024**2
MAX_REQUESTS = 1_000
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
BODY_LIMIT = 6 * 1024**2
# A first request may find a cold model, and each instance has several processes that load it: the release promises what
# a warm one needs. A request is late when none of so many answers came in time.
TRIES = 5
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,127}$")
_MEDIA_TYPE = re.compile(r"^[\w!#$&^.+*-]+/[\w!#$&^.+*-]+(\s*;\s*[\w.-]+=[\w.\"-]+)*$")
_DEFAULT_ABSOLUTE = 1e-6
_DEFAULT_RELATIVE = 1e-6
_SHOWN = 120


@dataclass(frozen=True)
class GoldenRequest:
    """One request, its expected answer, and how far numbers may be away from it. `latency_ms` None: no limit."""

    name: str
    content_type: str
    accept: str
    body: bytes
    expect: object
    absolute: float = _DEFAULT_ABSOLUTE
    relative: float = _DEFAULT_RELATIVE
    latency_ms: float | None = None


@dataclass(frozen=True)
class GoldenResult:
    """How one golden request went. `reason` says what was wrong, None when it passed."""

    name: str
    passed: bool
    reason: str | None
    latency_ms: float


def parse_golden(data: bytes, *, where: str) -> tuple[GoldenRequest, ...]:
    """Return the requests of a golden file: a JSON list, at most 1,000 of them, names unique.

    A `body` that is a string is sent as it stands; any other value is sent as JSON. Raises UsageError naming `where`
    and the request.
    """
    try:
        document = loads(data, limit=FILE_LIMIT)
        if not isinstance(document, list):
            raise ValueError("it is not a list of requests")
        if not 0 < len(document) <= MAX_REQUESTS:
            raise ValueError(f"it has {len(document)} requests; 1 to {MAX_REQUESTS} are taken")
        requests = tuple(_request(entry, number) for number, entry in enumerate(document, start=1))
        _check_unique(requests)
    except ValueError as error:
        raise UsageError(
            f"{where} is not a usable file of golden requests: {error}",
            remedy='Each entry looks like {"name": "one query", "body": {...}, "expect": {...}}.',
        ) from error
    return requests


def _request(entry: object, number: int) -> GoldenRequest:
    if not isinstance(entry, Mapping):
        raise ValueError(f"request {number} is not an object")
    obj = StrictObject(entry, f"request {number}")
    content_type = obj.text("content_type", _MEDIA_TYPE) if obj.has("content_type") else "application/json"
    accept = obj.text("accept", _MEDIA_TYPE) if obj.has("accept") else "application/json"
    absolute, relative = _tolerance(obj)
    request = GoldenRequest(
        name=obj.text("name", _NAME),
        content_type=content_type,
        accept=accept,
        body=_body(obj.value("body"), number),
        expect=obj.value("expect"),
        absolute=absolute,
        relative=relative,
        latency_ms=_latency(obj),
    )
    obj.close()
    return request


def _body(value: object, number: int) -> bytes:
    body = value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode()
    if len(body) > BODY_LIMIT:
        raise ValueError(f"the body of request {number} has {len(body)} bytes; an endpoint takes {BODY_LIMIT}")
    return body


def _tolerance(obj: StrictObject) -> tuple[float, float]:
    if not obj.has("tolerance"):
        return _DEFAULT_ABSOLUTE, _DEFAULT_RELATIVE
    inner = obj.nested("tolerance")
    absolute = inner.number("absolute") if inner.has("absolute") else 0.0
    relative = inner.number("relative") if inner.has("relative") else 0.0
    inner.close()
    if absolute < 0 or relative < 0:
        raise ValueError("a tolerance is not negative")
    return absolute, relative


def _latency(obj: StrictObject) -> float | None:
    if not obj.has("latency_ms") or obj.value("latency_ms") is None:
        return None
    limit = obj.number("latency_ms")
    if limit <= 0:
        raise ValueError("latency_ms is above 0, or null")
    return limit


def _check_unique(requests: tuple[GoldenRequest, ...]) -> None:
    seen: set[str] = set()
    for request in requests:
        if request.name in seen:
            raise ValueError(f"the name {request.name!r} is there twice")
        seen.add(request.name)


def judge(request: GoldenRequest, *, answer: bytes, latency_ms: float) -> GoldenResult:
    """Return whether an answer is near enough to the expected one, and came fast enough."""
    reason = difference(request, answer)
    if reason is None and request.latency_ms is not None and latency_ms > request.latency_ms:
        reason = f"it took {latency_ms:.1f} ms, {request.latency_ms:g} ms allowed"
    return GoldenResult(request.name, reason is None, reason, latency_ms)


def difference(request: GoldenRequest, answer: bytes) -> str | None:
    """Return where an answer differs from the expectation, or None.

    JSON is compared value by value, numbers within `absolute + relative * |expected|`, NaN equal to NaN only. An
    expected string is first compared with the answer's text, without the line end.
    """
    try:
        text = answer.decode("utf-8")
    except UnicodeDecodeError:
        return f"the answer is not text: {answer[:40]!r}"
    if isinstance(request.expect, str) and text.rstrip("\r\n") == request.expect.rstrip("\r\n"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"the answer is {_show(text)}, not {_show(request.expect)}"
    try:
        found = _compare(request, request.expect, value, "$")
    except RecursionError:
        return "the answer is nested too deeply to be compared"
    return None if found is None else printable(found)


def printable(text: str) -> str:
    """Return a text that does no harm on a terminal: whatever is not printable as its escape, such as `\\x1b`."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _compare(request: GoldenRequest, expected: object, value: object, path: str) -> str | None:
    if _is_number(expected) and _is_number(value):
        return _compare_numbers(request, expected, value, path)
    if isinstance(expected, dict) and isinstance(value, dict):
        return _compare_objects(request, expected, value, path)
    if isinstance(expected, list) and isinstance(value, list):
        return _compare_lists(request, expected, value, path)
    # bool is an int in Python, but true is not 1 in JSON
    if type(expected) is type(value) and expected == value:
        return None
    return f"{path} is {_show(value)}, not {_show(expected)}"


def _compare_numbers(request: GoldenRequest, expected: float, value: float, path: str) -> str | None:
    if expected == value:
        return None  # infinities of one sign as well
    wanted, got = _as_float(expected), _as_float(value)
    away, allowed = abs(got - wanted), request.absolute + request.relative * abs(wanted)
    if (math.isnan(wanted) and math.isnan(got)) or (math.isfinite(away) and away <= allowed):
        return None
    return f"{path} is {_show(value)}, not {_show(expected)} ({away:.3g} away, {allowed:.3g} allowed)"


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number beyond what a float holds
        return math.copysign(math.inf, number > 0 or -1)


def _compare_objects(
    request: GoldenRequest, expected: Mapping[str, object], value: Mapping[str, object], path: str
) -> str | None:
    if missing := sorted(set(expected) - set(value)):
        return f"{path} has no {', '.join(missing)[:_SHOWN]}"
    if unexpected := sorted(set(value) - set(expected)):
        return f"{path} has the unexpected {', '.join(unexpected)[:_SHOWN]}"
    for key, inner in expected.items():
        if (reason := _compare(request, inner, value[key], f"{path}.{key}")) is not None:
            return reason
    return None


def _compare_lists(request: GoldenRequest, expected: list[object], value: list[object], path: str) -> str | None:
    if len(expected) != len(value):
        return f"{path} has {len(value)} items, not {len(expected)}"
    for index, (inner, other) in enumerate(zip(expected, value, strict=True)):
        if (reason := _compare(request, inner, other, f"{path}[{index}]")) is not None:
            return reason
    return None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _show(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
