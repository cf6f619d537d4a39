"""Joins captured requests with labels on disk: a window may hold more than fits into memory."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from glue.core import capture, feedback
from glue.core.capture import Captured, UnreadableError
from glue.core.dataset import Group, Session
from glue.core.feedback import GRADES, Label

_TABLES = """
CREATE TABLE labels (key TEXT, kind TEXT, at TEXT, text TEXT, PRIMARY KEY (key, kind)) WITHOUT ROWID;
CREATE TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE captured (key TEXT PRIMARY KEY, at TEXT, event TEXT, line BLOB);
CREATE TABLE sessions (
    grp TEXT, split TEXT, key TEXT, kind TEXT, at TEXT, PRIMARY KEY (grp, at, key, kind)
) WITHOUT ROWID;
CREATE INDEX by_split ON sessions (split, kind);
"""
_PUT_LABEL = """
INSERT INTO labels VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, text = excluded.text
WHERE (excluded.at, excluded.text) > (labels.at, labels.text)
"""
_PUT_CAPTURED = """
INSERT INTO captured VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET at = excluded.at, event = excluded.event, line = excluded.line
WHERE (excluded.at, excluded.event) < (captured.at, captured.event)
"""
_PAIRS = "SELECT captured.line, labels.text FROM captured JOIN labels ON labels.key = captured.key"
_BY_GROUP = """
SELECT captured.line, labels.text FROM sessions
JOIN captured ON captured.key = sessions.key
JOIN labels ON labels.key = sessions.key AND labels.kind = sessions.kind
ORDER BY sessions.grp, sessions.at, sessions.key, sessions.kind
"""

Judge = Callable[[Captured, Label], Session]


@dataclass
class Joined:
    """What was found. All counts are of distinct requests or labels unless they say lines."""

    counts: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None


class Spool:
    """A database in one file, which nobody else opens. Labels first, then captured requests, then `join`.

    What comes out depends on the content only: of two labels of a kind the later wins, of two captures of an id the
    earlier one stands.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES} BEGIN;")
        self.joined = Joined()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add_label(self, line: bytes | None, *, until: datetime) -> None:
        """Take a line of labels. `until` is the window's end: a label after it came late, and counts all the same."""
        counts = self.joined.counts
        if line is not None and not line.strip():
            return
        try:
            label = feedback.parse(line)
        except ValueError:
            counts["label_lines_unreadable"] += 1
            return
        counts["label_lines"] += 1
        counts["labels_late"] += label.at >= until
        self._db.execute(_PUT_LABEL, (label.key, label.kind, *label.rank))

    def add_captured(self, line: bytes | None, *, since: datetime, until: datetime) -> None:
        """Take a captured line of the window [since, until)."""
        counts = self.joined.counts
        if line is not None and not line.strip():
            return
        try:
            found = capture.parse(line)
        except UnreadableError as error:
            counts["captured_lines_unreadable"] += 1
            self.joined.unusable[error.reason] += 1
            return
        if not since <= found.at < until:
            counts["captured_lines_outside"] += 1
            return
        counts["captured_lines"] += 1
        self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (found.key,))
        if self._db.execute("SELECT 1 FROM labels WHERE key = ?", (found.key,)).fetchone():
            at = f"{found.at:%Y-%m-%dT%H:%M:%S.%fZ}"
            self._db.execute(_PUT_CAPTURED, (found.key, at, found.event_id, line))

    def join(self, judge: Judge) -> Joined:
        """Put labels and requests together and return the counts."""
        joined, counts = self.joined, self.joined.counts
        for captured, label in self._pairs(_PAIRS):
            try:
                session = judge(captured, label)
            except UnreadableError as error:
                counts["labelled_unusable"] += 1
                joined.unusable[error.reason] += 1
                continue
            counts["joined"] += 1
            counts["clicks"] += len(session.clicked)
            counts["grades"] += len(session.grades)
            counts["labelled_rows_unknown"] += session.strangers
            joined.first = min(joined.first or captured.at, captured.at)
            joined.last = max(joined.last or captured.at, captured.at)
            row = (session.group, session.split, label.key, label.kind, label.rank[0])
            self._db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", row)
        counts["captured"] = self._count("SELECT count(*) FROM seen")
        counts["captured_duplicates"] = counts["captured_lines"] - counts["captured"]
        counts["labels"] = self._count("SELECT count(*) FROM labels")
        counts["labels_superseded"] = counts["label_lines"] - counts["labels"]
        counts["labels_without_request"] = self._count(
            "SELECT count(*) FROM labels WHERE key NOT IN (SELECT key FROM captured)"
        )
        counts["captured_without_label"] = counts["captured"] - self._count("SELECT count(*) FROM captured")
        return joined

    def graded(self) -> bool:
        """Tell whether an editor graded anything."""
        return bool(self._count("SELECT count(*) FROM sessions WHERE kind = ?", GRADES))

    def groups(self, judge: Judge) -> Iterator[tuple[str, str, bool, Group]]:
        """Yield each group's name, the name of its query, whether an editor graded the query, and its sessions' sum."""
        group: Group | None = None
        name = split = ""
        for captured, label in self._pairs(_BY_GROUP):
            try:
                session = judge(captured, label)
            except UnreadableError:
                continue
            if group is None or session.group != name:
                if group is not None:
                    yield name, split, self._graded(split), group
                group, name, split = Group(session.rows), session.group, session.split
            group.add(session)
        if group is not None:
            yield name, split, self._graded(split), group

    def _graded(self, split: str) -> bool:
        found = self._db.execute("SELECT 1 FROM sessions WHERE split = ? AND kind = ? LIMIT 1", (split, GRADES))
        return found.fetchone() is not None

    def _pairs(self, query: str) -> Iterator[tuple[Captured, Label]]:
        for line, text in self._db.execute(query):
            yield capture.parse(line), feedback.parse(text.encode())

    def _count(self, query: str, *values: str) -> int:
        found: tuple[int] = self._db.execute(query, values).fetchone()
        return found[0]
