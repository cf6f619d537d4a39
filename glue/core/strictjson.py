"""JSON from elsewhere, read strictly: no duplicate keys, no unknown fields, no wrong types, bounded."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

MOST_DIGITS = 400  # more than any number has that a double can hold


def loads(data: bytes, *, limit: int) -> object:
    """Return the value of a JSON text of at most `limit` bytes. Raises ValueError with a reason.

    NaN and infinities are taken as Python writes them; whoever must not have them checks.
    """
    if len(data) > limit:
        raise ValueError(f"it has {len(data)} bytes; at most {limit} are read")
    try:
        value: object = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_int=_whole)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} in line {error.lineno}, column {error.colno})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} is there twice")
    return found


class StrictObject:
    """A JSON object whose fields are taken one by one; `close` refuses the ones that nobody took.

    Every method raises ValueError naming the field.
    """

    def __init__(self, fields: Mapping[str, object], what: str) -> None:
        self._fields = fields
        self._what = what
        self._taken: set[str] = set()

    def close(self) -> None:
        """Raise ValueError when the object has fields that were not taken."""
        if unknown := sorted(set(self._fields) - self._taken):
            raise ValueError(f"{self._what} has unknown fields: {', '.join(unknown)}")

    def keys(self) -> list[str]:
        """Return the object's field names."""
        return list(self._fields)

    def has(self, name: str) -> bool:
        """Tell whether the field is there."""
        return name in self._fields

    def value(self, name: str) -> object:
        """Return a field as it is."""
        if name not in self._fields:
            raise ValueError(f"{self._what} has no field {name!r}")
        self._taken.add(name)
        return self._fields[name]

    def text(self, name: str, pattern: re.Pattern[str] | None = None) -> str:
        """Return a string field, which must match the pattern."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        if pattern is not None and not pattern.fullmatch(value):
            raise ValueError(f"{self._what}: {name} {value[:120]!r} does not look like one")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a field that is a string, null or absent."""
        return None if not self.has(name) or self.value(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        """Return a whole-number field."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "a whole number")
        return value

    def flag(self, name: str) -> bool:
        """Return a true or false field."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def number(self, name: str) -> float:
        """Return a finite number field."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(name, "a finite number")
        return value

    def nested(self, name: str) -> StrictObject:
        """Return a field that is an object, for reading it strictly."""
        return StrictObject(self.plain(name), f"{self._what}.{name}")

    def plain(self, name: str) -> dict[str, object]:
        """Return a field that is an object, as it is."""
        value = self.value(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """Return a field that is an object of strings."""
        inner = self.nested(name)
        return {key: inner.text(key) for key in inner.keys()}  # noqa: SIM118 - not a mapping

    def numbers(self, name: str) -> dict[str, float]:
        """Return a field that is an object of finite numbers."""
        inner = self.nested(name)
        return {key: inner.number(key) for key in inner.keys()}  # noqa: SIM118 - not a mapping

    def text_list(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list of strings."""
        value = self.value(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of strings")
        return tuple(str(item) for item in value)

    def _wrong(self, name: str, wanted: str) -> ValueError:
        return ValueError(f"{self._what}: {name} is not {wanted}")
