"""A plan that was read: its changes, drift, variables, outputs and prior values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from glue.review.places import Places
from glue.review.resource import Resource
from glue.review.values import Scrubber, conceal, named_leaves, plain, secret_name, sensitive_leaves


@dataclass(frozen=True)
class Output:
    """A root output: what happens to it, and its values; sensitive ones are Secrets."""

    name: str
    what: str
    before: Any = None
    after: Any = None
    unknown: bool = False
    sensitive: bool = False


class Values(Mapping[str, Mapping[str, Any]]):
    """Values by address, each converted when it is asked for."""

    def __init__(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        self.entries = entries
        self._read: dict[str, Mapping[str, Any]] = {}

    def __getitem__(self, address: str) -> Mapping[str, Any]:
        if address not in self._read:
            entry = self.entries[address]
            self._read[address] = conceal(entry.get("values") or {}, entry.get("sensitive_values"), whole=False)
        return self._read[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Plan:
    """What `terraform show -json` says of a plan. No sensitive value is in anything that it returns."""

    name: str
    terraform_version: str
    format_version: str
    changes: tuple[Resource, ...]
    drift: tuple[Resource, ...]
    outputs: Mapping[str, Output]
    prior: Values
    planned: Values
    document: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()
    complete: bool = True  # false for a plan made with -target, and where something is deferred
    deferred: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the document, whatever its spaces and the order of its keys."""
        text = json.dumps(self.document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        """Return the root's variables; those declared sensitive, or named so, are Secrets."""
        return {
            name: conceal(entry.get("value"), name in self._sensitive_variables or None, name=name)
            for name, entry in self.document.get("variables", {}).items()
        }

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Return the configuration as Terraform wrote it (not concealed: never show values of it)."""
        found: Mapping[str, Any] = self.document.get("configuration", {})
        return found

    @cached_property
    def places(self) -> Places:
        """Return what knows accounts and regions."""
        return Places(self.configuration, self.document.get("variables", {}), self.prior)

    def region_of(self, resource: Resource) -> str | None:
        """Return the region that a resource lives in, null when the plan does not say."""
        return self.places.region(resource)

    def account_of(self, resource: Resource) -> str | None:
        """Return the account (12 digits) that a resource lives in, null when the plan does not say."""
        return self.places.account(resource)

    @cached_property
    def _after_apply(self) -> tuple[Resource, ...]:
        told = {change.address for change in self.changes} | {
            change.previous_address for change in self.changes if change.previous_address
        }
        staying = [
            change
            for change in self.changes
            if change.mode == "managed" and change.deposed is None and change.what not in ("delete", "forget", "read")
        ]
        rest = [
            Resource({**entry, "change": _unchanged(entry)})
            for address, entry in self.prior.entries.items()
            if address not in told and entry["mode"] == "managed"
        ]
        return (*staying, *rest)

    def resources(self) -> tuple[Resource, ...]:
        """Return every managed resource that exists after the apply, changed or not (`what` is none then)."""
        return self._after_apply

    @cached_property
    def _by_type(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for change in self.changes:
            found.setdefault(change.type, []).append(change)
        return {kind: tuple(changes) for kind, changes in found.items()}

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """Return the managed entries of these types among `changes`, no-ops, destroyed and deposed ones included."""
        return tuple(change for kind in types for change in self._by_type.get(kind, ()) if change.mode == "managed")

    @cached_property
    def scrub(self) -> Scrubber:
        """Return the function that masks in a text every sensitive string of this plan."""
        return Scrubber(self._secrets())

    def show(self, value: object, *, most: int = 120) -> str:
        """Return a value of the plan in one safe line: masked first, then cut and freed of control characters."""
        text = value if isinstance(value, str) else _text(value)
        return plain(self.scrub(text), most=most)

    @cached_property
    def _sensitive_variables(self) -> frozenset[str]:
        return frozenset(name for name, entry in self._declared().items() if entry.get("sensitive"))

    def _declared(self) -> Mapping[str, Any]:
        return self.configuration.get("root_module", {}).get("variables") or {}

    def _secrets(self) -> Iterator[Any]:
        for name, entry in self.document.get("variables", {}).items():
            if name in self._sensitive_variables or secret_name(name):
                yield from sensitive_leaves(entry.get("value"), marks=True)
        for name in self._sensitive_variables:
            yield from sensitive_leaves(self._declared()[name].get("default"), marks=True)
        for values in (self.prior, self.planned):
            for entry in values.entries.values():
                yield from sensitive_leaves(entry.get("values"), entry.get("sensitive_values"))
        for part in ("resource_changes", "resource_drift"):
            for entry in self.document.get(part) or ():
                yield from _both(entry["change"])
                if entry["change"]["actions"] != ["no-op"]:  # the values of what does not change are not shown
                    yield from named_leaves([entry["change"].get("before"), entry["change"].get("after")])
        for change in (self.document.get("output_changes") or {}).values():
            yield from _both(change)
        yield from _outputs(self.document.get("planned_values", {}))
        yield from _outputs(self.document.get("prior_state", {}).get("values", {}))


def _both(change: Mapping[str, Any]) -> Iterator[Any]:
    for side in ("before", "after"):
        yield from sensitive_leaves(change.get(side), change.get(f"{side}_sensitive"))


def _outputs(values: Mapping[str, Any]) -> Iterator[Any]:
    for entry in (values.get("outputs") or {}).values():
        if isinstance(entry, dict) and entry.get("sensitive"):
            yield from sensitive_leaves(entry.get("value"), marks=True)


def _unchanged(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    values, marks = entry.get("values"), entry.get("sensitive_values")
    return {
        "actions": ["no-op"],
        "before": values,
        "after": values,
        "before_sensitive": marks,
        "after_sensitive": marks,
    }


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
