"""An endpoint's history as rows: what its audit records say, newest first, and which of them is live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glue.core.audit import Kept, Record, Unreadable

_ROLE = ":assumed-role/"


@dataclass(frozen=True)
class Line:
    """One action, or an object that is not a record. `live` marks the action by which today's revision became live."""

    when: str
    record: Record | None
    unreadable: Unreadable | None = None
    live: bool = False

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        if self.record is None:
            bad = self.unreadable
            return {"when": self.when, "unreadable": bad.key if bad else "", "reason": bad.why if bad else ""}
        return {"when": self.when, "live": self.live, **self.record.as_json()}


def lines(entries: Sequence[Kept], *, served: Mapping[str, str | None]) -> list[Line]:
    """Return the rows of a history. `served` is what AWS serves, by endpoint: the newest move there to it is live."""
    marked: set[str] = set()
    found = []
    for entry, stored in entries:
        when = stored.strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(entry, Unreadable):
            found.append(Line(when, None, entry))
            continue
        here = served.get(entry.scope)
        live = entry.moves and here is not None and entry.live == here and entry.scope not in marked
        if entry.moves:
            marked.add(entry.scope)
        found.append(Line(entry.ended or entry.started, entry, live=live))
    return found


def who(arn: str) -> str:
    """Return the readable end of a caller's ARN: `user/ann`, or `<role>/<session>`."""
    return arn.partition(_ROLE)[2] or arn.rpartition(":")[2] or arn


def outcome(record: Record) -> str:
    """Return in words how it ended."""
    if record.outcome == "started":
        return "not ended yet, or its call was killed"
    back = f", back to {record.returned_to}" if record.returned_to and record.outcome != "done" else ""
    return f"{record.outcome}{back}"
