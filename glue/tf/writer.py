"""Writes values as HCL: deterministic, and as `terraform fmt` writes them.

The alignment rule of `terraform fmt`: in a run of neighbouring lines, the equals signs of attributes whose value ends
on the same line stand in one column; a line that opens a bracket ends the run
(https://github.com/hashicorp/hcl/blob/main/hclwrite/format.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def body(values: Mapping[str, object]) -> str:
    """Return the attributes of a file, in the order given. Raises TypeError for what HCL has no value for."""
    return "".join(f"{line}\n" for line in _attributes(values, indent="", quoted=False))


def quote(text: str) -> str:
    """Return a string as HCL: nothing in it is an escape or a template. Raises ValueError for half a surrogate pair."""
    text.encode("utf-8")
    return '"' + "".join(_character(text, index) for index in range(len(text))) + '"'


def _character(text: str, index: int) -> str:
    char = text[index]
    if char in _NAMED:
        return _NAMED[char]
    # `$${` would do for most texts, but not all parsers read `$$${` alike.
    if char in "$%" and text[index + 1 : index + 2] == "{":
        return f"\\u{ord(char):04x}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _attributes(values: Mapping[str, object], *, indent: str, quoted: bool) -> Iterator[str]:
    run: list[tuple[str, str]] = []
    for name, value in values.items():
        key = _key(name) if quoted else name
        lines = _lines(value, indent)
        if len(lines) == 1:
            run.append((key, lines[0]))
            continue
        yield from _aligned(run, indent)
        run = []
        yield f"{indent}{key} = {lines[0]}"
        yield from lines[1:]
    yield from _aligned(run, indent)


def _aligned(run: Sequence[tuple[str, str]], indent: str) -> Iterator[str]:
    width = max((len(key) for key, _ in run), default=0)
    for key, value in run:
        yield f"{indent}{key:<{width}} = {value}"


def _key(name: str) -> str:
    if _IDENTIFIER.match(name) and name not in {"null", "true", "false", "for", "if", "in", "else"}:
        return name
    # ASCII only, so that columns are characters whatever the script.
    quoted = quote(name)
    return "".join(c if c.isascii() else _escape(c) for c in quoted)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _lines(value: object, indent: str) -> list[str]:
    """Return a value's lines: the first without indentation, the others with it."""
    if isinstance(value, Mapping):
        if not value:
            return ["{}"]
        inner = _attributes(value, indent=f"{indent}  ", quoted=True)
        return ["{", *inner, f"{indent}}}"]
    return [_scalar(value)]


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    raise TypeError(f"HCL has no value for a {type(value).__name__} here")
