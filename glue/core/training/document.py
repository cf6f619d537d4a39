"""Reading a job document: all that is wrong with it at once, each a sentence with the member's path and what to do."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping

from glue.core.strictjson import loads

LIMIT = 64 * 1024
DEPTH = 24  # SageMaker's deepest request has about ten levels
MOST_VALUES = LIMIT  # YAML's aliases make much of little: a document of few bytes can have billions of values
MOST_PROBLEMS = 40
# C0 and C1 controls but tab and line feed, and what no text interchange allows
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def from_json(data: bytes) -> dict[str, object]:
    """Return the object of a JSON text. Raises ValueError: too long, duplicate keys, NaN, too deep, no object."""
    value = loads(data, limit=LIMIT)
    if not isinstance(value, dict):
        raise ValueError("it is no object with id, kind, model, arguments")
    if found := list(tree_problems(value)):
        raise ValueError("; ".join(found[:MOST_PROBLEMS]))
    return value


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def tree_problems(value: object, path: str = "") -> Iterator[str]:
    """Yield what keeps a value from being plain JSON within our bounds; values may come from YAML."""
    pending = [(value, path, 1)]
    left = MOST_VALUES
    while pending:
        found, where, depth = pending.pop()
        left -= 1
        if left < 0:
            yield f"the document: has more than {MOST_VALUES} values"
            return
        if depth > DEPTH:
            yield f"{_head(where)}: nested more than {DEPTH} levels deep"
        elif isinstance(found, Mapping):
            for key, inner in found.items():
                if (why := _key_problem(key)) is not None:
                    yield f"{where or 'the document'}: {why}"
                else:
                    pending.append((inner, join(where, str(key)), depth + 1))
        elif isinstance(found, list | tuple):
            pending += [(inner, f"{where}[{at}]", depth + 1) for at, inner in enumerate(found)]
        elif (why := _scalar_problem(found)) is not None:
            yield f"{_head(where)}: {why}"


def join(path: str, name: str) -> str:
    """Return the path of a member."""
    return f"{path}.{name}" if path else name


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean x?` for a misspelt name, or nothing."""
    by_lower = {entry.lower(): entry for entry in known}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.7)
    return f"; did you mean {by_lower[found[0]]}?" if found else ""


def shown(value: object) -> str:
    """Return a value as a message shows it: short, on one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


class Fields:
    """An object whose fields are taken one by one; what is wrong goes to `problems`, and the default is returned."""

    def __init__(self, fields: object, path: str, problems: list[str], known: Iterable[str]) -> None:
        self._path = path
        self._problems = problems
        self._fields: Mapping[str, object] = {}
        if not isinstance(fields, Mapping):
            self.problem("", f"is {shown(fields)}, not an object")
            return
        self._fields = fields
        names = sorted(known)
        for name in fields:
            if name not in names:
                self.problem(str(name), f"is no field{nearest(str(name), names)} (fields: {', '.join(names)})")

    def problem(self, name: str, text: str) -> None:
        """Add a sentence about a field."""
        self._problems.append(f"{join(self._path, name) if name else self._path or 'the document'}: {text}")

    def has(self, name: str) -> bool:
        """Tell whether a field is there and not null."""
        return self._fields.get(name) is not None

    def value(self, name: str) -> object:
        """Return a field as it is; None when absent."""
        return self._fields.get(name)

    def text(self, name: str, pattern: re.Pattern[str], wanted: str) -> str | None:
        """Return a string field that matches, or None."""
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.problem(name, f"is {shown(value)}; give {wanted}")
            return None
        return value

    def needed(self, name: str, pattern: re.Pattern[str], wanted: str) -> str | None:
        """Return a string field that must be there."""
        if not self.has(name):
            self.problem(name, f"is missing; give {wanted}")
            return None
        return self.text(name, pattern, wanted)

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """Return a whole number within bounds."""
        value = self._fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.problem(name, f"is {shown(value)}; give a whole number from {least} to {most}")
            return default
        return value

    def number(self, name: str, default: float, *, above: float, most: float) -> float:
        """Return a finite number within bounds."""
        value = self._fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not above < value <= most:
            self.problem(name, f"is {shown(value)}; give a number above {above:g}, at most {most:g}")
            return default
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self._fields.get(name, default)
        if not isinstance(value, bool):
            self.problem(name, f"is {shown(value)}; give true or false")
            return default
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of different strings."""
        value = self._fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
            self.problem(name, f"is {shown(value)}; give a list of strings")
            return ()
        return tuple(dict.fromkeys(str(entry) for entry in value))

    def mapping(self, name: str) -> Mapping[str, object]:
        """Return an object field; empty when absent."""
        value = self._fields.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.problem(name, f"is {shown(value)}, not an object")
            return {}
        return value


def _head(where: str) -> str:
    return where if len(where) <= 120 else f"{where[:60]}...{where[-40:]}"


def _key_problem(key: object) -> str | None:
    if not isinstance(key, str):
        return f"the key {shown(key)} is no string; put it in quotes"
    if not key:
        return "an empty key"
    return f"the key {shown(key)} has control characters" if _CONTROL.search(key) else None


def _scalar_problem(value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return "has control characters" if _CONTROL.search(value) else None
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**63 else "is a number beyond 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else "is not a finite number"
    return f"is a {type(value).__name__}; put it in quotes"
