"""What a Terraform plan changes, from its JSON (https://developer.hashicorp.com/terraform/internals/json-format)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_WORDS = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
    ("no-op",): "import",
}
_ORDER = ("import", "create", "update", "replace", "delete", "forget")
_PAST = {
    "import": "to import",
    "create": "to create",
    "update": "to update in place",
    "replace": "to replace",
    "delete": "to destroy",
    "forget": "to forget",
}


@dataclass(frozen=True)
class Change:
    """One resource that changes. `what` is create, update, replace, delete, import or forget.

    `values` is what will be; for what goes, what was. `before` is what was, of what is replaced only.
    """

    address: str
    kind: str
    what: str
    values: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedVariant:
    """What one variant of the planned live revision serves, as the plan holds it."""

    name: str
    release: str
    image: str
    model_data_url: str


@dataclass(frozen=True)
class PlannedLive:
    """The revision that a plan makes live: its id and variants, shadows among them; `returning` after a rollback."""

    revision: str
    variants: tuple[PlannedVariant, ...] = ()
    returning: bool = False

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases in it, sorted, each once."""
        return tuple(sorted({variant.release for variant in self.variants}))


@dataclass(frozen=True)
class PlanSummary:
    """All changes of a plan, in the plan's order. Without any, there is nothing to do.

    `held_config` is the endpoint config that the state holds, before it was refreshed. `digest` names the plan: the
    SHA-256 of what `terraform show -json` says of it, in canonical form (`jq -cSj .` writes the same bytes).
    `live` comes from the plan's own variables: the files may have changed since it was saved.
    """

    changes: tuple[Change, ...] = ()
    outputs_change: bool = False
    held_config: str | None = None
    digest: str | None = None
    live: PlannedLive | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many resources each kind of change has; kinds without any are left out."""
        found = Counter(change.what for change in self.changes)
        return {what: found[what] for what in _ORDER if found[what]}

    @property
    def text(self) -> str:
        """The counts in words: `2 to create, 1 to update in place`."""
        if not self.changes:
            return "only outputs change" if self.outputs_change else "nothing to change"
        return ", ".join(f"{count} {_PAST[what]}" for what, count in self.counts.items())

    def as_json(self) -> dict[str, list[str]]:
        """Return the addresses by kind of change."""
        return {what: [c.address for c in self.changes if c.what == what] for what in self.counts}


def summarize(document: Mapping[str, Any]) -> PlanSummary:
    """Return what a plan changes; reads of data sources are not changes."""
    changes = [_change(entry) for entry in document.get("resource_changes", [])]
    outputs = document.get("output_changes", {}).values()
    return PlanSummary(
        changes=tuple(change for change in changes if change is not None),
        outputs_change=any(output.get("actions") != ["no-op"] for output in outputs),
        held_config=_held_config(document),
        digest=_digest(document),
        live=_live(document),
    )


def _live(document: Mapping[str, Any]) -> PlannedLive | None:
    variables = document.get("variables") or {}
    live = (variables.get("live") or {}).get("value")
    revisions = (variables.get("revisions") or {}).get("value") or {}
    if not isinstance(live, str) or live not in revisions:
        return None
    revision = revisions[live]
    every = {**revision["variants"], **(revision.get("shadow_variants") or {})}
    return PlannedLive(
        live,
        tuple(
            PlannedVariant(name, str(one["release"]), str(one["image"]), str(one["model_data_url"]))
            for name, one in sorted(every.items())
        ),
        returning=(variables.get("returning") or {}).get("value") is True,
    )


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _held_config(document: Mapping[str, Any]) -> str | None:
    # Drift comes first: its "before" is the state as it lies in the bucket, that of a change is the refreshed one.
    for entry in [*document.get("resource_drift", []), *document.get("resource_changes", [])]:
        before = entry["change"].get("before") or {}
        if entry["type"] == "aws_sagemaker_endpoint" and before:
            return str(before.get("endpoint_config_name"))
    return None


def _change(entry: Mapping[str, Any]) -> Change | None:
    change: Mapping[str, Any] = entry["change"]
    actions: Sequence[str] = change["actions"]
    if tuple(actions) == ("no-op",) and "importing" not in change:
        return None
    what = _WORDS.get(tuple(actions))
    if what is None or entry.get("mode") == "data":
        return None
    before = change.get("before") or {}
    replaced = before if what == "replace" else {}
    return Change(entry["address"], entry["type"], what, change.get("after") or before, replaced)
