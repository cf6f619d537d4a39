"""Reads tfvars: values only. What only Terraform could evaluate is refused, with file and line where there is one.

Syntax: https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glue.errors import UsageError

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nrt"\\]))|\$\$\{|%%\{|\$\{|%\{|\\')
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class HclError(UsageError):
    """A tfvars file that cannot be read. The message names the file, and the line or key."""


def read(path: Path) -> dict[str, Value]:
    """Return the values of a tfvars file, strings without quotes. Raises HclError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HclError(f"{path}: it is not UTF-8 ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise HclError(f"{path}: {error.strerror}") from error
    return parse(text, name=str(path))


def parse(text: str, *, name: str) -> dict[str, Value]:
    """Return the values of a tfvars text; `name` is what errors call it. Raises HclError."""
    # Late imports: the grammar costs a second, and `slipway --help` must not pay for it.
    import hcl2  # noqa: PLC0415
    from hcl2.utils import SerializationOptions  # noqa: PLC0415
    from lark.exceptions import LarkError  # noqa: PLC0415

    options = SerializationOptions(with_comments=False, explicit_blocks=True, preserve_heredocs=False)
    try:
        raw = hcl2.loads(text if text.endswith("\n") else f"{text}\n", serialization_options=options)
    except LarkError as error:
        raise HclError(f"{name}{_line(error)}: it cannot be parsed: {_first_line(error)}") from error
    except RecursionError as error:
        raise HclError(f"{name}: it is nested too deeply") from error
    _refuse_repeated(text, raw, name)
    return {_key(key, name): _value(value, name, (_key(key, name),)) for key, value in raw.items()}


def _line(error: Exception) -> str:
    line = getattr(error, "line", None)
    return f":{line}" if isinstance(line, int) and line > 0 else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def _refuse_repeated(text: str, raw: Mapping[str, Any], name: str) -> None:
    """Raise when a top-level variable is set twice: the parser keeps the last one in silence."""
    for key in raw:
        lines = [
            number
            for number, line in enumerate(text.splitlines(), start=1)
            if re.match(rf"{re.escape(key)}\s*=[^=]", line)
        ]
        if len(lines) > 1:
            raise HclError(f"{name}:{lines[1]}: {key} is set a second time (first on line {lines[0]})")


def _key(raw: str, name: str) -> str:
    return _text(raw[1:-1], name, (raw,)) if _quoted(raw) else raw


def _quoted(raw: str) -> bool:
    return len(raw) >= 2 and raw.startswith('"') and raw.endswith('"')


def _value(raw: Any, name: str, where: tuple[str, ...]) -> Value:
    if raw is None or isinstance(raw, bool | int | float):
        return raw
    if isinstance(raw, str):
        if _quoted(raw):
            return _text(raw[1:-1], name, where)
        number = re.fullmatch(r"\$\{(-?\d+(?:\.\d+)?[eE][-+]?\d+)\}", raw)
        if number:
            return float(number[1])
        raise HclError(f"{name}: {path_of(where)}: only plain values are read here, no expressions: {raw[:80]}")
    if isinstance(raw, list):
        if any(isinstance(item, dict) and item.get("__is_block__") for item in raw):
            raise HclError(f"{name}: {path_of(where)} is a block; write `{where[-1]} = {{ ... }}`")
        return [_value(item, name, (*where, str(index))) for index, item in enumerate(raw)]
    if isinstance(raw, dict):
        return {_key(str(k), name): _value(v, name, (*where, _key(str(k), name))) for k, v in raw.items()}
    raise HclError(f"{name}: {path_of(where)}: a {type(raw).__name__} is not a value")


def _text(raw: str, name: str, where: tuple[str, ...]) -> str:
    """Return what a quoted string means (https://developer.hashicorp.com/terraform/language/expressions/strings)."""

    def meaning(match: re.Match[str]) -> str:
        found = match[0]
        if found in {"$${", "%%{"}:
            return found[1:]
        if match[3]:
            return _SIMPLE[match[3]]
        digits = match[1] or match[2]
        if digits and not 0xD800 <= int(digits, 16) <= 0xDFFF and int(digits, 16) <= 0x10FFFF:
            return chr(int(digits, 16))
        if found == "\\" or digits:
            raise HclError(
                f"{name}: {path_of(where)}: the escape {raw[match.start() : match.start() + 6]!r} is unknown"
            )
        raise HclError(f"{name}: {path_of(where)}: only plain values are read here, no templates: {raw[:80]!r}")

    return _ESCAPE.sub(meaning, raw)


def path_of(where: Sequence[str]) -> str:
    """Return a key's path as a user writes it: `serving.variants.main`."""
    return ".".join(where)
