"""Labels: what became of an answer. One JSON object a line; each names a captured request, a time, and one outcome.

    {"inference_id": "…", "at": "2026-01-31T12:00:00Z", "clicks": ["d3", "d7"]}       what the user clicked
    {"inference_id": "…", "at": "…", "clicks": [], "shown": ["d1", "d3"]}             in the order that the user saw
    {"event_id": "…", "at": "…", "grades": {"d1": 4, "d2": 0}}                        what an editor said

The later label of a kind wins. The drift monitor's package holds this file too: standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from glue.core.capture import is_id

LINE_LIMIT = 1024 * 1024
TOP_GRADE = 4
CLICKS = "clicks"
GRADES = "grades"
_IDS = ("inference_id", "event_id")
_ID_LIMIT = 64  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
_ITEMS = 10_000
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True)
class Label:
    """One outcome of one captured request. `clicks` and `shown` are row ids; `shown` None takes the answer's order."""

    key: str
    at: datetime
    kind: str
    clicks: tuple[str, ...] = ()
    shown: tuple[str, ...] | None = None
    grades: Mapping[str, int] | None = None
    text: str = ""

    @property
    def rank(self) -> tuple[str, str]:
        """What decides which of two labels wins: the later one; at the same second, the greater text."""
        return f"{self.at:%Y-%m-%dT%H:%M:%S.%fZ}", self.text


def parse(line: bytes | None, *, now: datetime | None = None) -> Label:
    """Return what a line says. Raises ValueError with a reason; `now` refuses the future, which would always win."""
    if line is None or len(line) > LINE_LIMIT:
        raise ValueError(f"it has more than {LINE_LIMIT} bytes")
    try:
        document = json.loads(line, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} in column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    key, at, kind = _key(document), _time(document.get("at"), now), _kind(document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    if kind == GRADES:
        return Label(key, at, kind, grades=_grades(document[GRADES]), text=text)
    shown = _ids(document["shown"], "shown") if "shown" in document else None
    return Label(key, at, kind, clicks=tuple(dict.fromkeys(_list(document[CLICKS], CLICKS))), shown=shown, text=text)


def prefix(endpoint: str) -> str:
    """Return where an endpoint's labels lie."""
    return f"feedback/{endpoint}/"


def key_of(endpoint: str, latest: datetime, digest: str) -> str:
    """Return the key of a file of labels: by the hour of its latest label, and its content.

    The same file again is the same key. SageMaker wants labels laid out by hours, too:
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
    """
    return f"{prefix(endpoint)}{latest:%Y/%m/%d/%H}/{digest[:32]}.jsonl"


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def _key(document: Mapping[str, object]) -> str:
    given = [name for name in _IDS if name in document]
    if len(given) != 1:
        raise ValueError("it names one request, by inference_id or by event_id")
    value = document[given[0]]
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not 0 < len(value) <= _ID_LIMIT:
        raise ValueError(f"{given[0]} has 1 to {_ID_LIMIT} printable ASCII characters")
    return value


def _time(value: object, now: datetime | None) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            raise ValueError
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("at is a time with its zone, such as 2026-01-31T12:00:00Z") from error
    if now is not None and moment > now + _AHEAD:
        raise ValueError(f"at {moment:%Y-%m-%dT%H:%M:%SZ} lies in the future")
    return moment


def _kind(document: Mapping[str, object]) -> str:
    unknown = sorted(set(document) - {*_IDS, "at", "shown", CLICKS, GRADES})
    if unknown:
        raise ValueError(
            f"unknown field {unknown[0][:50]!r}; known are inference_id, event_id, at, clicks, shown, grades"
        )
    kinds = [kind for kind in (CLICKS, GRADES) if kind in document]
    if len(kinds) != 1 or ("shown" in document and kinds != [CLICKS]):
        raise ValueError("it has either clicks (with shown, if you know the order) or grades")
    return kinds[0]


def _list(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or len(value) > _ITEMS:
        raise ValueError(f"{name} is a list of at most {_ITEMS} ids")
    return [_id(item, name) for item in value]


def _ids(value: object, name: str) -> tuple[str, ...]:
    found = _list(value, name)
    if not found or len(set(found)) < len(found):
        raise ValueError(f"{name} is a list of distinct ids, one at least")
    return tuple(found)


def _id(value: object, name: str) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not is_id(text):
        raise ValueError(f"{name} holds {value!r:.50}, which is no id")
    return text


def _grades(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or not 0 < len(value) <= _ITEMS:
        raise ValueError(f"grades is an object of 1 to {_ITEMS} ids with a grade each")
    for key, grade in value.items():
        _id(key, GRADES)
        if isinstance(grade, bool) or not isinstance(grade, int) or not 0 <= grade <= TOP_GRADE:
            raise ValueError(f"the grade of {key[:50]!r} is a whole number from 0 to {TOP_GRADE}")
    return dict(value)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found
