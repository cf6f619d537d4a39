"""Data sets: labelled requests as the clicks and judgements that a ranking model trains on.

Clicks become what `models/ranker/data.py` reads: for each document the expected examinations (the sum over sessions of
position ** -decay, a position-based click model) and the clicks. Requests with the same query and the same documents
are one query with several sessions. Judgements are editors' grades; without any, a share of the queries is held out and
its grades are estimated from clicks by inverse propensity weighting, as the training does for its own labels.

All of it is independent of the order in which files and lines are read: the same content gives the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glue.core.capture import Captured, UnreadableError
from glue.core.feedback import CLICKS, TOP_GRADE, Label
from glue.core.records import Layout, Row, rows_of, scores_of

TRAIN = "train/clicks.csv"
VALIDATION = "validation/judgements.csv"
MANIFEST = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True)
class ClickModel:
    """The position-based model: examination at position p is p ** -decay; noise is a bad document's attraction."""

    decay: float
    noise: float


@dataclass(frozen=True)
class Session:
    """One labelled request: rows, for each the position (from 1) at which it was shown or None, and what happened.

    `group` is the same for the same query with the same documents; `split` for the same query text.
    """

    group: str
    split: str
    rows: tuple[Row, ...]
    positions: Mapping[str, int]
    clicked: frozenset[str] = frozenset()
    grades: Mapping[str, int] = field(default_factory=dict)
    strangers: int = 0  # clicks or grades of rows that the request does not hold


@dataclass
class Group:
    """Sessions of one query with the same documents, summed up: `shown[id][position]` and `clicks[id]` count."""

    rows: tuple[Row, ...]
    shown: dict[str, Counter[int]] = field(default_factory=dict)
    clicks: Counter[str] = field(default_factory=Counter)
    grades: dict[str, int] = field(default_factory=dict)

    def add(self, session: Session) -> None:
        """Add one session. A row's last grade in the order of adding stands: add in an order of the content's own."""
        for key, position in session.positions.items():
            self.shown.setdefault(key, Counter())[position] += 1
        self.clicks.update(session.clicked)
        self.grades |= session.grades

    def examinations(self, key: str, model: ClickModel) -> float:
        """Return how often a user is expected to have looked at a row."""
        places = self.shown.get(key, Counter())
        return round(math.fsum(count * place**-model.decay for place, count in places.items()), 6)


def session_of(captured: Captured, label: Label, where: Layout) -> Session:
    """Return what a label says of a captured request. Raises UnreadableError with the reason why it says nothing."""
    if captured.request is None:
        raise UnreadableError("request not captured")
    found = rows_of(captured.request, where)
    if not found.rows:
        raise UnreadableError("no rows")
    if not all(row.complete for row in found.rows):
        raise UnreadableError("features missing or unknown")
    known = {row.id for row in found.rows}
    split, group = _hash(found.query) if found.query else "", _group(found.query, found.rows, where)
    if label.kind != CLICKS:
        grades = {key: grade for key, grade in (label.grades or {}).items() if key in known}
        return Session(
            group, split or group, found.rows, {}, grades=grades, strangers=len(label.grades or {}) - len(grades)
        )
    order = [key for key in _order(captured, label, where) if key in known]
    if not order:
        raise UnreadableError("order not known")
    clicked = frozenset(label.clicks) & set(order)
    positions = {key: place for place, key in enumerate(order, start=1)}
    strangers = len(label.clicks) - len(clicked)
    return Session(group, split or group, found.rows, positions, clicked, strangers=strangers)


def held_out(split: str, share: float) -> bool:
    """Tell whether a query belongs to the validation set: by its hash, the same on every machine."""
    return int(hashlib.sha256(f"held out {split}".encode()).hexdigest()[:16], 16) / 2**64 < share


def clicks_csv(groups: Iterable[tuple[str, Group]], where: Layout, model: ClickModel) -> Iterator[str]:
    """Yield the lines of `clicks.csv`, header first; rows that nobody was shown are left out."""
    yield _line(["query", "document", "examinations", "clicks", *where.names])
    for name, group in groups:
        for row in group.rows:
            if row.id in group.shown:
                yield _line(
                    [name, row.id, group.examinations(row.id, model), group.clicks[row.id], *_values(row, where)]
                )


def judgements_csv(groups: Iterable[tuple[str, Group]], where: Layout, model: ClickModel) -> Iterator[str]:
    """Yield the lines of `judgements.csv`: editors' grades where a group has any, else those that clicks speak for."""
    yield _line(["query", "document", "grade", *where.names])
    for name, group in groups:
        for row in group.rows:
            if row.id in (group.grades or group.shown):
                grade = group.grades[row.id] if group.grades else grade_of(group, row.id, model)
                yield _line([name, row.id, grade, *_values(row, where)])


def grade_of(group: Group, key: str, model: ClickModel) -> int:
    """Return the grade, 0 to 4, that a row's clicks speak for: clicks by examinations, the click model inverted."""
    seen = group.examinations(key, model)
    attraction = group.clicks[key] / seen if seen > 0 else 0.0
    gain = min(max((attraction - model.noise) / (1 - model.noise), 0.0), 1.0) * (2**TOP_GRADE - 1)
    return round(math.log2(1 + gain))


def identity(manifest: Mapping[str, object]) -> str:
    """Return a data set's id: the hash of its manifest, which holds its files' hashes and where it comes from."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def encode(manifest: Mapping[str, object]) -> bytes:
    """Return the bytes of `manifest.json`, with the id that follows from the rest."""
    return (json.dumps({"id": identity(manifest), **manifest}, sort_keys=True, indent=2) + "\n").encode()


def prefix(model: str, name: str) -> str:
    """Return the key prefix of a data set's files."""
    return f"datasets/{model}/{name}/"


def _order(captured: Captured, label: Label, where: Layout) -> Sequence[str]:
    if label.shown is not None:
        return label.shown
    if captured.answer is None:
        return ()
    try:
        return [key for key, _ in scores_of(captured.answer, where)]
    except UnreadableError:
        return ()


def _group(query: str, rows: Sequence[Row], where: Layout) -> str:
    content = [query, sorted((row.id, [row.values[name] for name in where.names]) for row in rows)]
    return _hash(json.dumps(content, separators=(",", ":"), allow_nan=False))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _values(row: Row, where: Layout) -> list[Any]:
    return [row.values[name] for name in where.names]


def _line(cells: Sequence[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()
