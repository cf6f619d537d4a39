"""How a model's requests and answers hold rows: one row for each document (or record), with features and a score.

A model says it in the section `[records]` of its model.toml, and in its baseline. The drift monitor's package holds
this file too: standard library only.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glue.core.capture import Body, UnreadableError, is_id, text_of

_CSV = "text/csv"
_FIELDS = ("query", "rows", "id", "features", "answers", "score")


@dataclass(frozen=True)
class Layout:
    """Names of the fields: `query` groups rows, `rows` holds them, each with `id` and `features`; answers alike.

    `names` are the model's features in the order in which a list gives them.
    """

    query: str
    rows: str
    id: str
    features: str
    answers: str
    score: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One row of a request. A value that is no finite number is None; `unknown` are names that the model has not."""

    id: str
    values: Mapping[str, float | None]
    unknown: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every feature is there and nothing else is."""
        return not self.unknown and None not in self.values.values()


@dataclass(frozen=True)
class Rows:
    """All rows of one request, and what they belong to (empty where the request says nothing)."""

    query: str
    rows: tuple[Row, ...]


def layout(records: object, features: object) -> Layout:
    """Return the layout that a `[records]` section and a list of features describe. Raises ValueError."""
    if not isinstance(records, Mapping) or not isinstance(features, Sequence) or isinstance(features, str):
        raise ValueError("it has no section [records], or no list of features")
    fields = {name: records.get(name) for name in _FIELDS}
    wrong = [name for name, value in fields.items() if not isinstance(value, str) or not value]
    if wrong or set(records) - set(_FIELDS):
        raise ValueError(f"[records] takes exactly {', '.join(_FIELDS)}, each the name of a field")
    if (
        not features
        or not all(isinstance(name, str) and name for name in features)
        or len(set(features)) < len(features)
    ):
        raise ValueError("features are distinct names, one at least")
    return Layout(**{name: str(value) for name, value in fields.items()}, names=tuple(features))


def rows_of(body: Body, where: Layout) -> Rows:
    """Return the rows of a request in JSON or CSV. Raises UnreadableError."""
    if body.kind == _CSV:
        header, table = _table(body, where.id)
        parsed = [
            _row(_id(line[0]), dict(zip(header[1:], map(_number, line[1:]), strict=True)), where) for line in table
        ]
        return Rows("", _distinct(parsed))
    document = _document(body)
    query, items = document.get(where.query, ""), document.get(where.rows)
    if not isinstance(items, list) or not isinstance(query, str):
        raise UnreadableError("no rows")
    found = []
    for item in items:
        if not isinstance(item, dict) or where.id not in item:
            raise UnreadableError("no rows")
        found.append(_row(_id(item[where.id]), _values(item.get(where.features), where), where))
    return Rows(query, _distinct(found))


def scores_of(body: Body, where: Layout) -> list[tuple[str, float]]:
    """Return the ids and scores of an answer, in its order: best first. Raises UnreadableError."""
    if body.kind == _CSV:
        header, table = _table(body, where.id)
        if where.score not in header:
            raise UnreadableError("no scores")
        column = header.index(where.score)
        pairs = [(line[0], _number(line[column])) for line in table]
    else:
        items = _document(body).get(where.answers)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise UnreadableError("no scores")
        pairs = [(_id(item.get(where.id)), _finite(item.get(where.score))) for item in items]
    if len({key for key, _ in pairs}) < len(pairs):
        raise UnreadableError("an id twice")
    if any(score is None for _, score in pairs):
        raise UnreadableError("no scores")
    return [(key, score) for key, score in pairs if score is not None]


def _row(key: str, values: Mapping[str, float | None], where: Layout) -> Row:
    known = {name: values.get(name) for name in where.names}
    return Row(key, known, tuple(sorted(name for name in values if name not in known)))


def _values(features: object, where: Layout) -> dict[str, float | None]:
    if isinstance(features, list):
        named = dict(zip(where.names, features, strict=False))
        extra = {f"column {place}": None for place in range(len(where.names), len(features))}
        return {name: _finite(value) for name, value in named.items()} | extra
    if isinstance(features, dict):
        return {str(name)[:100]: _finite(value) for name, value in features.items()}
    raise UnreadableError("no features")


def _document(body: Body) -> Mapping[str, object]:
    try:
        document = json.loads(text_of(body))
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableError("not JSON inside") from error
    if not isinstance(document, dict):
        raise UnreadableError("no rows")
    return document


def _table(body: Body, first: str) -> tuple[list[str], list[list[str]]]:
    try:
        found = [line for line in csv.reader(io.StringIO(text_of(body)), strict=True) if line]
    except csv.Error as error:
        raise UnreadableError("not CSV inside") from error
    header = [name.strip() for name in found[0]] if found else []
    if not header or header[0] != first or any(len(line) != len(header) for line in found):
        raise UnreadableError("not CSV inside")
    return header, found[1:]


def _distinct(rows: list[Row]) -> tuple[Row, ...]:
    if len({row.id for row in rows}) < len(rows):
        raise UnreadableError("an id twice")
    return tuple(rows)


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnreadableError("no id")
    try:
        text = str(value)
    except ValueError as error:  # Python writes no whole number of more than 4300 digits
        raise UnreadableError("no id") from error
    if not is_id(text):
        raise UnreadableError("no id")
    return text


def _number(text: str) -> float | None:
    try:
        return _finite(float(text))
    except ValueError:
        return None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
