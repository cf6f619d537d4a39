"""One resource of a plan: what happens to it, its values before and after, and what differs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue.review.values import Secret, conceal, normal

Step = str | int
Path = tuple[Step, ...]

WHAT = {
    ("no-op",): "none",
    ("create",): "create",
    ("read",): "read",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("create", "forget"): "replace",
    ("forget",): "forget",
}


class Resource:
    """One entry of `resource_changes` or `resource_drift`. Values are converted when they are first asked for.

    `what` is create, update, replace, delete, forget, read or none. In `before` and `after` everything sensitive is a
    Secret. `create_first` tells that a replacement is created before the old one is destroyed.
    """

    __slots__ = (
        "_after", "_before", "_changed", "_raw", "actions", "address", "create_first", "deposed", "importing", "key",
        "mode", "module", "name", "previous_address", "provider", "reason", "replace_paths", "type", "unknown", "what",
    )  # fmt: skip

    def __init__(self, entry: Mapping[str, Any]) -> None:
        change: Mapping[str, Any] = entry["change"]
        self._raw = change
        self._before: Any = self
        self._after: Any = self
        self._changed: tuple[Path, ...] | None = None
        self.address: str = entry["address"]
        self.module: str = entry.get("module_address") or ""
        self.mode: str = entry["mode"]
        self.type: str = entry["type"]
        self.name: str = entry["name"]
        self.key: str | int | None = entry.get("index")
        self.provider: str = entry.get("provider_name") or ""
        self.actions: tuple[str, ...] = tuple(change["actions"])
        self.what: str = WHAT[self.actions]
        self.create_first = self.actions[0] == "create" and len(self.actions) > 1
        self.unknown: Any = change.get("after_unknown")
        self.replace_paths: tuple[Path, ...] = tuple(tuple(path) for path in change.get("replace_paths") or ())
        self.reason: str | None = entry.get("action_reason")
        self.previous_address: str | None = entry.get("previous_address")
        self.deposed: str | None = entry.get("deposed")
        self.importing: bool = change.get("importing") is not None

    def __repr__(self) -> str:
        return f"Resource({self.address!r}, {self.what})"

    @property
    def before(self) -> Mapping[str, Any] | None:
        """Return the values before, null when there is nothing yet."""
        if self._before is self:
            self._before = conceal(self._raw.get("before"), self._raw.get("before_sensitive"), whole=False)
        found: Mapping[str, Any] | None = self._before
        return found

    @property
    def after(self) -> Mapping[str, Any] | None:
        """Return the values after, null when nothing is left; attributes unknown at plan are absent."""
        if self._after is self:
            self._after = conceal(self._raw.get("after"), self._raw.get("after_sensitive"), whole=False)
        found: Mapping[str, Any] | None = self._after
        return found

    @property
    def values(self) -> Mapping[str, Any]:
        """Return the values after, or before for what goes away; never null."""
        return self.after or self.before or {}

    @property
    def destroyed(self) -> bool:
        """Tell whether the object that exists now is destroyed: deleted or replaced, deposed ones too."""
        return "delete" in self.actions

    def is_unknown(self, *path: Step) -> bool:
        """Tell whether a value, or anything above it, is known only after the apply."""
        mark = self.unknown
        for step in path:
            if not isinstance(mark, dict | list):
                break
            mark = _inside(mark, step)
        return bool(mark) and not isinstance(mark, dict | list)

    def has_unknown(self, *path: Step) -> bool:
        """Tell whether a value or anything inside it is known only after the apply."""
        mark = self.unknown
        for step in path:
            if not isinstance(mark, dict | list):
                break
            mark = _inside(mark, step)
        return _any_mark(mark)

    def changed(self) -> tuple[Path, ...]:
        """Return the paths of the values that differ, unknown ones included; null, "", [] and {} are one value.

        The path ends where one side has no value or the kinds differ: of a created resource these are its attributes.
        """
        if self._changed is None:
            if self.what in ("none", "read"):
                self._changed = ()
            else:
                self._changed = tuple(differences(self.before or {}, self.after or {}, self._news()))
        return self._changed

    def attributes(self) -> tuple[str, ...]:
        """Return the names of the attributes that differ, each once, in order."""
        return tuple(dict.fromkeys(str(path[0]) for path in self.changed() if path))

    def _news(self) -> Any:
        return self.unknown if self.what in ("create", "update", "replace") else None


def _inside(mark: Any, step: Step) -> Any:
    if isinstance(mark, dict):
        return mark.get(step)
    return mark[step] if isinstance(step, int) and -len(mark) <= step < len(mark) else None


def _any_mark(mark: Any) -> bool:
    if isinstance(mark, dict):
        return any(_any_mark(inner) for inner in mark.values())
    if isinstance(mark, list):
        return any(_any_mark(inner) for inner in mark)
    return bool(mark)


def differences(before: Any, after: Any, unknown: Any = None, path: Path = ()) -> Iterator[Path]:
    """Yield the paths where two values differ, or where the second is unknown."""
    if unknown and not isinstance(unknown, dict | list):
        yield path
    elif isinstance(before, dict) and isinstance(after, dict):
        of = unknown if isinstance(unknown, dict) else {}
        for key in sorted(before.keys() | after.keys() | of.keys()):
            yield from differences(before.get(key), after.get(key), of.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        marks = unknown if isinstance(unknown, list) else []
        for at in range(max(len(before), len(after), len(marks))):
            yield from differences(_at(before, at), _at(after, at), _at(marks, at), (*path, at))
    elif not same(before, after) or _any_mark(unknown):
        yield path


def _at(values: list[Any], at: int) -> Any:
    return values[at] if at < len(values) else None


def same(before: Any, after: Any) -> bool:
    """Tell whether two values mean the same: empty ones are one value, a secret equals its clear form."""
    if isinstance(before, Secret) != isinstance(after, Secret):
        clear = after if isinstance(before, Secret) else before
        return clear is not None and _secret(before) == _secret(after)
    before, after = normal(before), normal(after)
    if isinstance(before, bool) != isinstance(after, bool):
        return False
    return bool(before == after)


def _secret(value: Any) -> Secret | None:
    try:
        return value if isinstance(value, Secret) else Secret(value)
    except TypeError:  # a container that itself holds secrets
        return None
