"""Audit records as data: who did what to an endpoint, from where to where, why, and how it ended.

A record is an object below `audit/` in the environment's artifact store, written once and deleted by nobody. Whatever
changes an endpoint writes two: an intent (`<id>.started.json`) before it changes anything, and the end (`<id>.json`)
afterwards. An intent without an end is a call that was killed; the next call finds out what AWS serves and ends it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from glue.core.names import REVISION_ID
from glue.core.strictjson import StrictObject, loads

SCHEMA = 1
PREFIX = "audit/"
LIMIT = 64 * 1024  # bytes of one record
TEXT_LIMIT = 2000  # characters of a reason; more is cut
ACTIONS = ("promote", "rollback", "apply", "traffic", "abort", "prune", "break-glass", "approve", "evidence")
MOVES = ("promote", "rollback", "apply", "traffic")  # after these, another revision may be live
STARTED, DONE, FAILED, INTERRUPTED = "started", "done", "failed", "interrupted"
OUTCOMES = (STARTED, DONE, FAILED, INTERRUPTED)

_ID = re.compile(r"^(?P<time>\d{8}T\d{12}Z)-(?P<action>[a-z-]{1,20})-(?P<subject>r[1-9]\d{0,5}-[0-9a-f]{8}|none)$")
_SCOPE = re.compile(r"^_?[a-z0-9](-?[a-z0-9])*$")
_PLAN = re.compile(r"^[0-9a-f]{64}$")
_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Intent:
    """What a call is about to do, one of ACTIONS, and why."""

    action: str
    why: str = ""


PROMOTION = Intent("promote")


@dataclass(frozen=True)
class Record:
    """One record. Times are RFC 3339 in UTC.

    `scope` is the endpoint's short name, or `_foundation` and the like; `source` and `to` are revisions; `by` is the
    ARN of the caller's own credentials, `role` the role that it worked in; `plan` the SHA-256 of the plan's canonical
    JSON.
    """

    id: str
    environment: str
    scope: str
    action: str
    by: str
    started: str
    role: str | None = None
    source: str | None = None
    to: str | None = None
    releases: tuple[str, ...] = ()
    why: str = ""
    outcome: str = DONE
    reason: str | None = None
    returned_to: str | None = None
    plan: str | None = None
    ended: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def live(self) -> str | None:
        """The revision that was live afterwards, None when nobody knows."""
        return self.to if self.outcome == DONE else self.returned_to

    @property
    def moves(self) -> bool:
        """Whether another revision may be live after it."""
        return self.action in MOVES

    @property
    def key(self) -> str:
        """Where it lies in the artifact store."""
        return f"{PREFIX}{self.scope}/{self.id}{'.started' if self.outcome == STARTED else ''}.json"

    def ends(self, when: datetime, *, outcome: str, reason: str | None, returned_to: str | None) -> Record:
        """Return the record of how it ended."""
        text = clean(reason) if reason else None
        return replace(self, ended=rfc3339(when), outcome=outcome, reason=text, returned_to=returned_to)

    def as_json(self) -> dict[str, object]:
        """Return it as its object says it."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "environment": self.environment,
            "scope": self.scope,
            "action": self.action,
            "from": self.source,
            "to": self.to,
            "releases": list(self.releases),
            "why": self.why,
            "outcome": self.outcome,
            "reason": self.reason,
            "returned_to": self.returned_to,
            "plan": self.plan,
            "by": self.by,
            "role": self.role,
            "started": self.started,
            "ended": self.ended,
            "details": dict(self.details),
        }


@dataclass(frozen=True)
class Unreadable:
    """An object below `audit/` that is not a record, and why."""

    key: str
    why: str


Kept = tuple[Record | Unreadable, datetime]  # with the time at which S3 stored it


def new_id(when: datetime, *, action: str, subject: str | None) -> str:
    """Return `<utc time>-<action>-<revision>`; `subject` is the revision that it is about, None for none."""
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is not an action; there are {', '.join(ACTIONS)}")
    return f"{when.astimezone(UTC).strftime(_TIME)}-{action}-{subject or 'none'}"


def rfc3339(when: datetime) -> str:
    """Return a time as records have it: UTC, seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text: str) -> datetime:
    """Return the time of a record's `started` or `ended`. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def clean(text: str) -> str:
    """Return a text that does no harm on a terminal: no control characters, 2,000 characters at most."""
    kept = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return kept if len(kept) <= TEXT_LIMIT else f"{kept[: TEXT_LIMIT - 1]}\N{HORIZONTAL ELLIPSIS}"


def encode(record: Record) -> bytes:
    """Return the bytes of a record's object."""
    return (json.dumps(record.as_json(), indent=2, ensure_ascii=False) + "\n").encode()


def decode(data: bytes, *, key: str, environment: str) -> Record | Unreadable:
    """Return the record in an object; whatever is not one says why, and never fails."""
    try:
        document = loads(data, limit=LIMIT)
        if not isinstance(document, dict):
            raise ValueError("it is not an object")
        record = _record(StrictObject(document, "record"))
        if record.key != key or record.environment != environment:
            raise ValueError(f"it is the record {clean(record.key)} of {clean(record.environment)}")
    except ValueError as error:
        return Unreadable(clean(key), clean(str(error)))
    return record


def _record(obj: StrictObject) -> Record:
    if obj.integer("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    found = Record(
        id=obj.text("id", _ID),
        environment=obj.text("environment"),
        scope=obj.text("scope", _SCOPE),
        action=obj.text("action"),
        source=_revision(obj, "from"),
        to=_revision(obj, "to"),
        releases=tuple(clean(name) for name in obj.text_list("releases")),
        why=clean(obj.text("why")),
        outcome=obj.text("outcome"),
        reason=_cleaned(obj.optional_text("reason")),
        returned_to=_revision(obj, "returned_to"),
        plan=obj.optional_text("plan"),
        by=clean(obj.text("by")),
        role=_cleaned(obj.optional_text("role")),
        started=obj.text("started"),
        ended=obj.optional_text("ended"),
        details={clean(name): clean(text) for name, text in obj.texts("details").items()},
    )
    obj.close()
    _check(found)
    return found


def _check(record: Record) -> None:
    match = _ID.match(record.id)
    if match is None or match["action"] != record.action or record.action not in ACTIONS:
        raise ValueError(f"its action {clean(record.action)!r} is not the one of its id")
    if record.outcome not in OUTCOMES:
        raise ValueError(f"its outcome {clean(record.outcome)!r} is none of {', '.join(OUTCOMES)}")
    if record.plan is not None and not _PLAN.match(record.plan):
        raise ValueError("its plan is not a SHA-256 in 64 hex digits")
    if (record.ended is None) != (record.outcome == STARTED):
        raise ValueError("it has an end exactly when it is over")
    for text in (record.started, record.ended or record.started):
        time_of(text)


def _revision(obj: StrictObject, name: str) -> str | None:
    text = obj.optional_text(name)
    if text is not None and not REVISION_ID.match(text):
        raise ValueError(f"record: {name} is not a revision id")
    return text


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)


def merged(entries: Iterable[Kept]) -> list[Kept]:
    """Return each action once, in the order given: by its end where there is one, else by its intent.

    An end that a later call wrote for a killed one (interrupted) gives way to the action's own.
    """
    kept = list(entries)
    best: dict[tuple[str, str], Record] = {}
    for entry, _ in kept:
        if isinstance(entry, Record):
            known = best.get((entry.scope, _of(entry)))
            if known is None or _weight(entry) > _weight(known):
                best[entry.scope, _of(entry)] = entry
    return [
        (entry, stored)
        for entry, stored in kept
        if isinstance(entry, Unreadable) or best[entry.scope, _of(entry)] is entry
    ]


def _of(record: Record) -> str:
    """Return the id of the action: an end whose place was taken names it among its details."""
    return record.details.get("of", record.id)


def _weight(record: Record) -> int:
    return {STARTED: 0, INTERRUPTED: 1}.get(record.outcome, 2)


def live_since(entries: Iterable[Kept], revision: str) -> datetime | None:
    """Return since when a revision is live without a break, None when the records do not say that it is.

    `entries` come newest first. A record's own times are what its writer claims, the time at which S3 stored it is not:
    the later of the two counts. A failed move that returned to the revision is no break.
    """
    since: datetime | None = None
    for entry, stored in entries:
        if isinstance(entry, Unreadable) or not entry.moves:
            continue
        if entry.live != revision:
            return since
        since = max(stored, time_of(entry.ended)) if entry.ended else stored
        if entry.source != revision:
            return since
    return since
