"""Two answers to one request, compared value by value: where they differ, and by how much.

JSON is compared along its paths (`ranking.score`: places in lists are left out). Items that all have an `id` of their
own are compared with the item of the same id, and their order once. CSV is a list of lists; anything else is equal or
not.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

# Kinds of difference
NUMBER, VALUE, SHAPE, ORDER, BODY = "number", "value", "shape", "order", "body"
JSON_KIND, CSV_KIND = "application/json", "text/csv"


@dataclass(frozen=True)
class Tolerance:
    """How far numbers may be apart and still agree: `absolute + relative * |production's|`."""

    absolute: float = 1e-6
    relative: float = 1e-6

    def allows(self, first: float, second: float) -> bool:
        """Whether two numbers agree. NaN agrees with NaN, an infinity with the same one."""
        if first == second or (math.isnan(first) and math.isnan(second)):
            return True
        away = abs(second - first)
        return math.isfinite(away) and away <= self.absolute + self.relative * abs(first)


@dataclass(frozen=True)
class Found:
    """One thing that was compared. `kind` None means that it agrees; `away` is the distance of two finite numbers."""

    path: str
    kind: str | None
    away: float | None = None


class Comparison:
    """Compares answers; `ignored` are paths of which nothing is said, with all that is below them."""

    def __init__(self, tolerance: Tolerance, ignored: frozenset[str] = frozenset()) -> None:
        self._tolerance = tolerance
        self._ignored = ignored

    def compare(self, first: bytes, second: bytes, *, kinds: tuple[str, str]) -> Iterator[Found]:
        """Yield what differs between two bodies of these content types, and every pair of numbers."""
        if kinds[0] != kinds[1]:
            yield Found("$", SHAPE)
            return
        try:
            values = _read(first, kinds[0]), _read(second, kinds[1])
            yield from self._values(*values, "")
        except (ValueError, RecursionError, csv.Error):
            yield Found("$", None if first == second else BODY)

    def _values(self, first: object, second: object, path: str) -> Iterator[Found]:
        if path and path in self._ignored:
            return
        if _is_number(first) and _is_number(second):
            yield self._numbers(first, second, path or "$")
        elif isinstance(first, dict) and isinstance(second, dict):
            yield from self._objects(first, second, path)
        elif isinstance(first, list) and isinstance(second, list):
            yield from self._lists(first, second, path)
        elif type(first) is not type(second) or first != second:
            yield Found(path or "$", VALUE if _is_scalar(first) and _is_scalar(second) else SHAPE)

    def _numbers(self, first: float, second: float, path: str) -> Found:
        wanted, got = _as_float(first), _as_float(second)
        away = abs(got - wanted)
        return Found(
            path, None if self._tolerance.allows(wanted, got) else NUMBER, away if math.isfinite(away) else None
        )

    def _objects(self, first: Mapping[str, object], second: Mapping[str, object], path: str) -> Iterator[Found]:
        for key in sorted({*first, *second}):
            below = f"{path}.{key}" if path else key
            if key in first and key in second:
                yield from self._values(first[key], second[key], below)
            elif below not in self._ignored:
                yield Found(below, SHAPE)

    def _lists(self, first: Sequence[object], second: Sequence[object], path: str) -> Iterator[Found]:
        named, other = _by_id(first), _by_id(second)
        if named is not None and other is not None and set(named) == set(other):
            if list(named) != list(other):
                yield Found(path or "$", ORDER)
            for key, item in named.items():
                yield from self._objects(_without_id(item), _without_id(other[key]), path)
            return
        if len(first) != len(second):
            yield Found(path or "$", SHAPE)
            return
        for one, two in zip(first, second, strict=True):
            yield from self._values(one, two, path)


def _read(body: bytes, kind: str) -> object:
    """Return a body as values. Raises ValueError when its type is not one that has values."""
    if kind == JSON_KIND or kind.endswith("+json"):
        return json.loads(body.decode("utf-8"))
    if kind == CSV_KIND:
        return [[_cell(cell) for cell in row] for row in csv.reader(io.StringIO(body.decode("utf-8")), strict=True)]
    raise ValueError(kind)


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _without_id(item: Mapping[str, object]) -> Mapping[str, object]:
    return {key: value for key, value in item.items() if key != "id"}


def _by_id(items: Sequence[object]) -> dict[object, Mapping[str, object]] | None:
    """Return items by their `id` in the list's order, None unless each has one of its own."""
    found: dict[object, Mapping[str, object]] = {}
    for item in items:
        name = item.get("id") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(name, str | int) or (type(name), name) in found:
            return None
        found[type(name), name] = item
    return found or None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return not isinstance(value, dict | list)


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number beyond what a float holds
        return math.inf if number > 0 else -math.inf
