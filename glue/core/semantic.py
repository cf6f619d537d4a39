"""A plan's meaning as one digest: what it changes, and nothing of when, in which order or how it was written down.

Two plans with the same digest do the same: so an approval of one holds for the other. Left out is what Terraform only
noticed (`resource_drift`), what does not change, and the time. What is not known before the apply counts as unknown.
It is computed from the slim plan (`glue.core.slim`), so that everybody who holds a bundle can do it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

_MORE = ("deferred_changes", "action_invocations")  # whatever they hold counts as it is
_EMPTY: tuple[object, ...] = (None, "", [], {}, ["list"])


def digest(slim: Mapping[str, Any], *, scope: str, providers: Mapping[str, str], secrets: str | None) -> str:
    """Return the SHA-256 of what a plan changes, in canonical form.

    `slim` is the slim plan, `scope` the stack that it is of (`qa/serving/ranker`), `providers` the locked version of
    each, `secrets` the digest of what the slim plan hides. Raises KeyError, TypeError or AttributeError for a document
    that is not a plan.
    """
    changes = [_resource(entry) for entry in slim.get("resource_changes") or [] if _acts(entry)]
    meaning = {
        "scope": scope,
        "terraform": slim.get("terraform_version"),
        "providers": dict(providers),
        "changes": sorted(changes, key=_text),
        "outputs": {
            name: _change(change)
            for name, change in (slim.get("output_changes") or {}).items()
            if list(change["actions"]) != ["no-op"]
        },
        "more": {name: slim[name] for name in _MORE if slim.get(name)},
        "secrets": secrets,
    }
    return hashlib.sha256(_text(meaning)).hexdigest()


def _acts(entry: Mapping[str, Any]) -> bool:
    """Tell whether an apply does anything for an entry; a move and an import are written into the state."""
    change = entry["change"]
    moved = entry.get("previous_address") not in {None, entry["address"]}
    return list(change["actions"]) != ["no-op"] or moved or bool(change.get("importing"))


def _resource(entry: Mapping[str, Any]) -> dict[str, object]:
    return {
        "address": entry["address"],
        "from": entry.get("previous_address"),
        "mode": entry.get("mode"),
        "type": entry.get("type"),
        "provider": entry.get("provider_name"),
        "deposed": entry.get("deposed"),
        **_change(entry["change"]),
    }


def _change(change: Mapping[str, Any]) -> dict[str, object]:
    return {
        "actions": list(change["actions"]),
        "importing": change.get("importing"),
        "before": _canonical(change.get("before"), None, empties=False),
        "after": _canonical(change.get("after"), change.get("after_unknown"), empties=True),
    }


def _canonical(value: Any, unknown: Any, *, empties: bool) -> object:
    """Return a value so that no two different ones look alike: lists and what is unknown are marked as such.

    Without `empties`, what is empty is as good as absent: what was comes back from AWS with [] and {} for null once it
    is read again; what will be is as it is written.
    """
    if unknown is True:
        return ["unknown"]
    if isinstance(value, Mapping) or (value is None and isinstance(unknown, Mapping) and unknown):
        return _object(value or {}, unknown if isinstance(unknown, Mapping) else {}, empties=empties)
    if isinstance(value, list) or (value is None and isinstance(unknown, list) and unknown):
        return _list(value or [], unknown if isinstance(unknown, list) else [], empties=empties)
    return value


def _object(value: Mapping[str, Any], unknowns: Mapping[str, Any], *, empties: bool) -> object:
    hidden = {name for name, inner in unknowns.items() if inner not in (False, [], {}, None)}
    found = {
        name: _canonical(value.get(name), unknowns.get(name), empties=empties) for name in sorted({*value, *hidden})
    }
    gone: Sequence[object] = (None,) if empties else _EMPTY
    return {name: inner for name, inner in found.items() if inner not in gone}


def _list(value: Sequence[Any], unknowns: Sequence[Any], *, empties: bool) -> object:
    found: list[object] = ["list"]
    for index in range(max(len(value), len(unknowns))):
        inner = value[index] if index < len(value) else None
        found.append(_canonical(inner, unknowns[index] if index < len(unknowns) else None, empties=empties))
    return found


def _text(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")
