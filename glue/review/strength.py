"""How strongly an attribute's value protects, as a number that can be compared; protections.toml says how to tell."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from glue.review.resource import Path as Steps
from glue.review.resource import Resource, same
from glue.review.values import Secret, normal

FILE = Path(__file__).with_name("protections.toml")


@dataclass(frozen=True)
class Check:
    """One line of protections.toml."""

    path: Steps
    kind: str
    known: Any
    rule: str
    says: str
    types: frozenset[str]
    absent: Any
    endless: Any
    unless: Steps
    created: bool

    def strength(self, values: Mapping[str, Any] | None) -> float:
        """Return how strongly the attribute protects: 0 for not at all."""
        value = normal(at(values, self.path))
        return _STRENGTHS[self.kind](self, value)

    def lost(self, change: Resource) -> str | None:
        """Return in words what a change takes away, null when it takes nothing."""
        if (self.types and change.type not in self.types) or self._done_otherwise(change):
            return None
        sides = [at(values, self.path) for values in (change.before, change.after)]
        if any(isinstance(side, Secret) for side in sides):
            return None if same(*sides) else "is sensitive, so that its change cannot be judged"
        return self._bad_from_the_start(change) if change.what == "create" else self._weaker(change)

    def _done_otherwise(self, change: Resource) -> bool:
        return bool(self.unless) and (
            change.is_unknown(*self.unless) or normal(at(change.after, self.unless)) is not None
        )

    def _weaker(self, change: Resource) -> str | None:
        before = self.strength(change.before)
        if change.is_unknown(*self.path):
            return "is known only after the apply" if before > 0 and self.kind not in ("key", "set", "many") else None
        if self.kind == "many":
            return _gone(at(change.before, self.path), at(change.after, self.path))
        after = self.strength(change.after)
        return self._words(change, after) if after < before else None

    def _bad_from_the_start(self, change: Resource) -> str | None:
        if not self.created or change.is_unknown(*self.path) or self.strength(change.after) > 0:
            return None
        return "is off from the start"

    def _words(self, change: Resource, after: float) -> str:
        old, new = (_shown(at(values, self.path)) for values in (change.before, change.after))
        return f"is off ({old} → {new})" if after <= 0 else f"is weaker ({old} → {new})"


def _on(check: Check, value: Any) -> float:
    return float(bool(check.absent)) if value is None else float(value in check.known)


def _order(check: Check, value: Any) -> float:
    return float(check.known.index(value)) if value in check.known else -1.0


def _more(check: Check, value: Any) -> float:
    if value is None:
        value = check.absent
    if value == "endless" or (value is not None and value == check.endless):
        return math.inf
    return float(value) if isinstance(value, int | float) else 0.0


def _key(_: Check, value: Any) -> float:
    if not isinstance(value, str):
        return 0.0
    return 1.0 if "alias/aws/" in value else 2.0


def _set(_: Check, value: Any) -> float:
    return float(value is not None)


_STRENGTHS = {"on": _on, "order": _order, "more": _more, "key": _key, "set": _set, "many": _set}


def at(values: Any, path: Steps) -> Any:
    """Return the value at a path, null where the path leads nowhere."""
    for step in path:
        if isinstance(values, dict):
            values = values.get(step)
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            values = values[step]
        else:
            return None
    return values


def _gone(before: Any, after: Any) -> str | None:
    """Return which members of a list are gone."""
    if not isinstance(before, list):
        return None
    left = after if isinstance(after, list) else []
    gone = [str(item) for item in before if item not in left]
    if not gone or (left and len(left) >= len(before)):
        return None
    return f"is {'less' if left else 'off'} (without {', '.join(gone)})"


def _shown(value: Any) -> str:
    """Return a value in short; blocks are only called set."""
    if normal(value) is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "set" if isinstance(value, dict | list) else str(value)


@dataclass(frozen=True)
class Removed:
    """A type of resource that is a protection itself; `of` is the attribute that names whose."""

    of: str
    rule: str
    says: str


@dataclass(frozen=True)
class Table:
    """All checks by the attribute that they look at, and the types that are protections."""

    checks: Mapping[str, tuple[Check, ...]]
    removed: Mapping[str, Removed]


@cache
def table() -> Table:
    """Return protections.toml."""
    read: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    checks: dict[str, list[Check]] = {}
    for line in read["checks"]:
        check = _check(line)
        checks.setdefault(str(check.path[0]), []).append(check)
    return Table(
        checks={name: tuple(group) for name, group in checks.items()},
        removed={kind: Removed(**line) for kind, line in read["removed"].items()},
    )


def _check(line: dict[str, Any]) -> Check:
    kind = next(name for name in _STRENGTHS if name in line)
    return Check(
        path=_steps(line["path"]),
        kind=kind,
        known=line[kind],
        rule=line["rule"],
        says=line["says"],
        types=frozenset(line.get("types", ())),
        absent=line.get("absent"),
        endless=line.get("endless"),
        unless=_steps(line.get("unless", "")),
        created=line.get("created", False),
    )


def _steps(path: str) -> Steps:
    return tuple(int(step) if step.isdigit() else step for step in path.split(".")) if path else ()
