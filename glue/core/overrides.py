"""`path=value`: changes of single values in a document, as `--set` takes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_STEP = re.compile(r"(?:[^.\\]|\\.)+")


@dataclass(frozen=True)
class Override:
    """Where, step by step, and the text to put there."""

    path: tuple[str, ...]
    text: str

    @property
    def shown(self) -> str:
        """The path as it was typed."""
        return ".".join(step.replace("\\", "\\\\").replace(".", "\\.") for step in self.path)


def parse(text: str) -> Override:
    r"""Return what `arguments.HyperParameters.seed=7` says; `\.` is a dot inside a name. Raises ValueError."""
    path, equals, value = text.partition("=")
    steps = _STEP.findall(path)
    if not equals or not steps or ".".join(steps) != path:
        raise ValueError(f"{text!r} is not path=value, such as arguments.HyperParameters.seed=7")
    return Override(tuple(re.sub(r"\\(.)", r"\1", step) for step in steps), value)


def apply(
    document: Mapping[str, object], overrides: Sequence[Override], *, scalar: Callable[[str], object]
) -> dict[str, object]:
    """Return the document with changes; the given one stays as it is. Raises ValueError when a path leads nowhere.

    A text is replaced by a text. Elsewhere `scalar` says what an unquoted text means; JSON makes lists, maps and quoted
    texts. Maps on the way are made, list items are not.
    """
    found: object = document
    for override in overrides:
        found = _put(found, override, 0, scalar)
    return dict(found) if isinstance(found, Mapping) else {}


def _put(value: object, override: Override, depth: int, scalar: Callable[[str], object]) -> object:
    if depth == len(override.path):
        return _value(override.text, value, scalar)
    step = override.path[depth]
    if value is None or isinstance(value, Mapping):
        inner = dict(value or {})
        inner[step] = _put(inner.get(step), override, depth + 1, scalar)
        return inner
    if isinstance(value, list):
        place = int(step) if step.isdecimal() and len(step) < 4 else len(value)
        if place >= len(value):
            raise ValueError(f"{override.shown}: the list has {len(value)} items, counted from 0, and no {step}")
        return [*value[:place], _put(value[place], override, depth + 1, scalar), *value[place + 1 :]]
    raise ValueError(f"{override.shown}: {'.'.join(override.path[:depth])} is a single value")


def _value(text: str, before: object, scalar: Callable[[str], object]) -> object:
    if isinstance(before, str):
        return text
    if text[:1] in {"[", "{", '"'}:
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{text[:60]!r} is not JSON") from error
        return value
    return scalar(text)
