"""The bytes of `terraform show -json`, read strictly: one JSON document, or one error that says what to do."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from glue.errors import UsageError

MOST_BYTES = 100_000_000  # a plan of 200 endpoints with three revisions each has 14 MB
DEEPEST = 120  # a plan of this repository is nested 14 deep; readers of values recurse
HOW = "make it with: terraform show -json SAVED_PLAN > plan.json"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_DIGITS = 400


def load(data: bytes, *, name: str) -> dict[str, Any]:
    """Return the JSON object of a file. Raises UsageError for anything else."""
    if not data.strip():
        raise UsageError(f"{name} is empty", remedy=HOW)
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"{name} has {len(data)} bytes; at most {MOST_BYTES} are read", remedy="review its parts alone"
        )
    if data[:2] == b"PK":
        raise UsageError(f"{name} is a saved plan (binary), not its JSON", remedy=HOW)
    text = _from_first_brace(_text(data, name), name)
    with uncollected():
        value = _parse(text, name)
        if not isinstance(value, dict):
            raise UsageError(f"{name} is not a plan: it holds no JSON object", remedy=HOW)
        _bounded(value, name)
    if _SURROGATE.search(data):
        _no_half_characters(value, name)
    return value


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector of garbage away: it would look again and again at the millions of objects of a large plan."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _text(data: bytes, name: str) -> str:
    """Return the text; a shell of Windows writes UTF-16 with a mark."""
    coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(coding)
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 (byte {error.start})", remedy=HOW) from error


def _from_first_brace(text: str, name: str) -> str:
    """Return the text from the line that opens the JSON: warnings may be printed before it."""
    found = re.search(r"^[ \t]*(?=[{\[])", text, re.MULTILINE)
    if found is None:
        raise UsageError(f"{name} holds no JSON", remedy=HOW)
    return text[found.end() :]


def _parse(text: str, name: str) -> object:
    try:
        value: object = json.loads(
            text, object_pairs_hook=_unique, parse_int=_whole, parse_float=_finite, parse_constant=_no_number
        )
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and '"@level"' in text[: error.pos]:
            raise UsageError(
                f"{name} is the message stream of `terraform plan -json`, not a plan", remedy=HOW
            ) from error
        where = f"{error.msg} in line {error.lineno}, column {error.colno}"
        cut = "it seems cut off: " if error.pos >= len(text.rstrip()) - 1 else ""
        raise UsageError(f"{name} is not JSON ({cut}{where})", remedy=HOW) from error
    except RecursionError as error:
        raise UsageError(f"{name} is nested too deeply to be a plan", remedy=HOW) from error
    except ValueError as error:
        raise UsageError(f"{name} is not a plan: {error}", remedy=HOW) from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} is there twice in one object, and one would hide the other")
    return found


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _bounded(document: dict[str, Any], name: str) -> None:
    """Refuse what is nested deeper than the readers of values can follow."""
    level: list[Any] = [document]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise UsageError(f"{name} is nested more than {DEEPEST} deep: no plan is", remedy=HOW)


def _no_half_characters(document: dict[str, Any], name: str) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"{name} holds half a character (a lone surrogate)", remedy=HOW) from error
