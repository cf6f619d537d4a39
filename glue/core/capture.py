"""Captured requests: where SageMaker puts them, and what a line says. Hostile lines have a reason, never a crash.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html

The drift monitor's package holds this file too: standard library only.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

# InvokeEndpoint takes 25 MB and an answer may be as large; as base64 both grow by a third.
LINE_LIMIT = 70 * 1024**2
_READ = 1024 * 1024
_HOUR = re.compile(r"/(?P<variant>[^/]+)/(?P<hour>\d{4}/\d{2}/\d{2}/\d{2})/[^/]+\.jsonl$")


class UnreadableError(ValueError):
    """A line or a body that cannot be used. `reason` is one of a few short words, to be counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stream(Protocol):
    """Bytes, piece by piece."""

    def read(self, amount: int, /) -> bytes:
        """Return at most `amount` bytes; none at the end."""


@dataclass(frozen=True)
class Body:
    """One side of an exchange: its bytes as the container saw them, and their content type without parameters."""

    data: bytes
    kind: str


@dataclass(frozen=True)
class Captured:
    """One exchange. `inference_id` is the caller's, `event_id` SageMaker's; `at` is UTC. A side may not be captured."""

    event_id: str
    inference_id: str | None
    at: datetime
    request: Body | None
    answer: Body | None

    @property
    def key(self) -> str:
        """What labels name it by: the caller's id where there is one, as SageMaker's own monitors do."""
        return self.inference_id or self.event_id


def lines(stream: Stream, *, limit: int = LINE_LIMIT) -> Iterator[bytes | None]:
    """Yield a stream's lines without their ends; None for one of more than `limit` bytes, which is read past."""
    held = bytearray()
    beyond = False
    while piece := stream.read(_READ):
        first, *rest = piece.split(b"\n")
        for begun in (first, *rest[:-1]) if rest else ():
            held += begun if not beyond else b""
            yield None if beyond or len(held) > limit else bytes(held)
            held.clear()
            beyond = False
        held += b"" if beyond else (rest[-1] if rest else first)
        if len(held) > limit:
            held.clear()
            beyond = True
    if held or beyond:
        yield None if beyond else bytes(held)


def parse(line: bytes | None) -> Captured:
    """Return what a line says. Raises UnreadableError."""
    if line is None:
        raise UnreadableError("too long")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("not JSON") from error
    data = record.get("captureData") if isinstance(record, dict) else None
    about = record.get("eventMetadata") if isinstance(record, dict) else None
    if not isinstance(data, dict) or not isinstance(about, dict):
        raise UnreadableError("not a captured request")
    event, inference = about.get("eventId"), about.get("inferenceId")
    if not is_id(event) or not (inference in (None, "") or is_id(inference)):
        raise UnreadableError("no event id")
    at = _time(about.get("inferenceTime"))
    return Captured(str(event), inference or None, at, _body(data, "Input"), _body(data, "Output"))


def is_id(value: object) -> bool:
    """Tell whether a value is a text that can be written down as an id: no half of a surrogate pair, not empty."""
    return isinstance(value, str) and 0 < len(value) <= 1024 and not re.search("[\ud800-\udfff]", value)


def text_of(body: Body) -> str:
    """Return a body as text. Raises UnreadableError when it is not UTF-8."""
    try:
        return body.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError("not UTF-8") from error


def prefix(endpoint: str, name: str) -> str:
    """Return where an endpoint's captured requests lie: below its short name, SageMaker adds the full one."""
    return f"capture/{endpoint}/{name}/"


def place(key: str) -> tuple[str, datetime] | None:
    """Return the variant and the hour (UTC) of a captured file's key, None when it is none.

    SageMaker's layout is `<destination>/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>.jsonl`.
    """
    match = _HOUR.search(key)
    if match is None:
        return None
    try:
        return match["variant"], datetime.strptime(match["hour"], "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return None


def may_hold(hour: datetime, since: datetime, until: datetime) -> bool:
    """Tell whether a file of this hour may hold exchanges of [since, until).

    The hour is of the upload, which follows the request by minutes; one hour more on either side is looked at.
    """
    return since - timedelta(hours=1) < hour + timedelta(hours=1) and hour < until + timedelta(hours=1)


def days(since: datetime, until: datetime) -> list[str]:
    """Return `yyyy/mm/dd/` for each day from an hour before `since` to an hour after `until`."""
    first, last = (since - timedelta(hours=1)).date(), (until + timedelta(hours=1)).date()
    return [f"{first + timedelta(days=n):%Y/%m/%d}/" for n in range((last - first).days + 1)]


def _time(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UnreadableError("no time")


def _body(data: Mapping[str, object], side: str) -> Body | None:
    found = data.get(f"endpoint{side}")
    if found is None:
        return None
    text = found.get("data") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(text, str):
        raise UnreadableError("not a captured request")
    kind = str(found.get("observedContentType") or "").split(";")[0].strip().lower()
    try:
        if str(found.get("encoding")).upper() == "BASE64":
            return Body(base64.b64decode(text, validate=True), kind)
        return Body(text.encode("utf-8"), kind)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError("bad encoding") from error
