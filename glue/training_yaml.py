"""Job files in YAML, read strictly: no anchors, no tags, no key twice, bounded in depth and size.

Only texts, JSON's numbers, true, false, null, lists and maps: `no` and `2026-11-21` are texts here, as in YAML 1.2's
core schema (https://yaml.org/spec/1.2.2/#103-core-schema), and not a boolean and a date.
"""

# ruff: noqa: PLC0415 - yaml is imported when it is needed, for start-up's sake
from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glue.training_files import DEEPEST

_LONGEST_NUMBER = 40
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Document:
    """One document of a file: the line where it begins, and its value."""

    line: int
    value: object


def documents(text: str) -> Iterator[Document]:
    """Yield the documents of a YAML text, empty ones left out. Raises ValueError with the line of what is wrong.

    Those before a mistake have been yielded by then; nothing after it can be told apart.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events = _Events(yaml.parse(text, Loader=loader))
    try:
        yield from events.documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{line}it is not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {' '.join(str(error).split())}") from error


def scalar(text: str) -> object:
    """Return what an unquoted text means. Raises ValueError for a number that is not finite."""
    if text in _WORDS:
        return _WORDS[text]
    found = _NUMBER.match(text)
    if found is None:
        return text
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"the number {text[:20]}… is too long; put it into quotes if it is a text")
    if found[2] is None and found[3] is None:
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text} is not finite")
    return value


class _Events:
    """Builds values from the parser's events: nothing is built that was not checked."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def documents(self) -> Iterator[Document]:
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                first = next(self._events)
                value = self._value(first, 0)
                if value is not None:
                    yield Document(first.start_mark.line + 1, value)

    def _value(self, event: Any, depth: int) -> object:
        kind = type(event).__name__
        self._check(event, kind, depth)
        if kind == "ScalarEvent":
            return _read(event)
        return self._map(depth) if kind == "MappingStartEvent" else self._list(depth)

    def _list(self, depth: int) -> list[object]:
        found: list[object] = []
        for event in self._events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            found.append(self._value(event, depth + 1))
        return found

    def _map(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for event in self._events:
            kind = type(event).__name__
            if kind == "MappingEndEvent":
                break
            self._check(event, kind, depth)
            if kind != "ScalarEvent":
                raise _wrong(event, "a key is a text")
            if event.value in found:
                raise _wrong(event, f"the key {event.value[:60]!r} is there twice")
            found[event.value] = self._value(next(self._events), depth + 1)
        return found

    @staticmethod
    def _check(event: Any, kind: str, depth: int) -> None:
        if kind == "AliasEvent" or event.anchor is not None:
            raise _wrong(event, "anchors and aliases are not taken: write it out")
        if event.tag is not None:
            raise _wrong(event, f"tags are not taken: {event.tag[:60]}")
        if depth > DEEPEST:
            raise _wrong(event, f"it is nested deeper than {DEEPEST}")


def _read(event: Any) -> object:
    if not event.implicit[0]:  # it was in quotes, or a block
        return event.value
    try:
        return scalar(event.value)
    except ValueError as error:
        raise _wrong(event, str(error)) from error


def _wrong(event: Any, why: str) -> ValueError:
    return ValueError(f"line {event.start_mark.line + 1}: {why}")
