"""Finds what belongs to an endpoint in a plan: its config before and after, and the models that these name.

Names are looked up among the plan's resources. Where a name is known after apply only, the references in the plan's
`configuration` say which resource is meant (https://developer.hashicorp.com/terraform/internals/json-format); what
these leave open is said to be unresolved, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue.review import endpoints_shape as shape
from glue.review.endpoints_references import References
from glue.review.endpoints_saying import safe
from glue.review.endpoints_shape import UNKNOWN, Served
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.values import Secret

ENDPOINT, CONFIG, MODEL = "aws_sagemaker_endpoint", "aws_sagemaker_endpoint_configuration", "aws_sagemaker_model"


@dataclass(frozen=True)
class Entry:
    """A resource in one of its two states, with values in which UNKNOWN stands for what is not known yet."""

    resource: Resource
    values: Mapping[str, Any]

    @property
    def address(self) -> str:
        """Its address."""
        return self.resource.address


@dataclass(frozen=True)
class Found:
    """The config that an endpoint has in one state. `served` is None when there is no endpoint then."""

    name: object
    config: Entry | None
    served: Served
    models: tuple[Entry, ...] = ()


class Estate:
    """All configs and models of a plan, by name, before and after."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._references = References(plan.configuration)
        old = [*plan.changes, *(entry for entry in plan.resources() if entry.what == "none")]
        before = {(r.address, r.deposed): r for r in old if r.mode == "managed" and r.type in (CONFIG, MODEL)}
        self._before = [Entry(r, r.before) for r in before.values() if r.before is not None]
        self._after = [Entry(r, shape.afterwards(r)) for r in plan.resources() if r.type in (CONFIG, MODEL)]
        self._by_name = {False: _by_name(self._before), True: _by_name(self._after)}

    def before(self, endpoint: Resource) -> Found | None:
        """Return what an endpoint serves before the apply; None when it does not exist yet."""
        if endpoint.before is None:
            return None
        return self._found(endpoint, endpoint.before, after=False)

    def after(self, endpoint: Resource) -> Found | None:
        """Return what an endpoint is to serve after the apply; None when it is gone then."""
        if endpoint.after is None:
            return None
        return self._found(endpoint, shape.planned(endpoint.after, endpoint.unknown), after=True)

    def named(self, kind: str, name: object, near: Resource, *, after: bool) -> list[Entry]:
        """Return the resources of a type that have a name, those in another region or account left out."""
        found = [
            entry
            for entry in self._by_name[after].get((kind, token(name)), ())
            if together(self._plan, entry.resource, near)
        ]
        close = [entry for entry in found if entry.resource.module == near.module]
        return close if len(found) > 1 and close else found

    def of_type(self, kind: str, *, after: bool) -> list[Entry]:
        """Return all resources of a type in one state."""
        return [entry for entry in (self._after if after else self._before) if entry.resource.type == kind]

    def _found(self, endpoint: Resource, values: Mapping[str, Any], *, after: bool) -> Found:
        name = values.get("endpoint_config_name")
        config, why = self._one(CONFIG, name, endpoint, "endpoint_config_name", after=after)
        if config is None:
            return Found(name, None, Served(name=name, unresolved=(why,)))
        if name is UNKNOWN and isinstance(config.values.get("name"), str | Secret):
            name = config.values["name"]  # the endpoint asks for the config's id, which is its name
        return self._described(config, name, after=after)

    def _described(self, config: Entry, name: object, *, after: bool) -> Found:
        unresolved: list[str] = []
        models: list[Entry] = []
        groups: list[dict[str, shape.Variant]] = []
        for group in ("production_variants", "shadow_production_variants"):
            if shape.opaque(config.values, group):
                unresolved.append(f"{group} of {safe(config.address)} are known after apply only")
            variants = {}
            for at, (key, entry) in enumerate(shape.variants_of(config.values, group)):
                found, why = self._model(config, entry, f"{group}.{at}.model_name", after=after)
                models += [found] if found else []
                unresolved += [f"variant {safe(key)}: {why}"] if why else []
                model = shape.model(found.values, address=found.address) if found else None
                variants[key] = shape.variant(key, entry, model)
            groups.append(variants)
        served = shape.served(config.values, *groups, unresolved=unresolved, address=config.address)
        return Found(name, config, served, tuple(models))

    def _model(self, config: Entry, variant: Mapping[str, Any], path: str, *, after: bool) -> tuple[Entry | None, str]:
        name = variant.get("model_name")
        if not name:
            return None, ""  # its models are inference components
        return self._one(MODEL, name, config.resource, path, after=after)

    def _one(self, kind: str, name: object, near: Resource, path: str, *, after: bool) -> tuple[Entry | None, str]:
        """Return the one resource that is meant, or None and why not."""
        word = "config" if kind == CONFIG else "model"
        if name is not UNKNOWN:
            found = self.named(kind, name, near, after=after)
            if not found:
                return None, f"{word} {safe(name)} is not in this plan"
        else:
            found = self._meant(kind, near, path)
            if not found:
                return None, f"which {word} it is, is known after apply only"
        if len(found) > 1:
            listed = ", ".join(safe(entry.address) for entry in found[:3])
            return None, f"{len(found)} resources may be its {word}: {listed}"
        return found[0], ""

    def _meant(self, kind: str, near: Resource, path: str) -> list[Entry]:
        """Return what a reference means; without one, what is made anew beside the one who asks."""
        entries = self.of_type(kind, after=True)
        targets = self._references.targets(near, path)
        if targets:
            found = [entry for entry in entries if any(target.means(entry.resource) for target in targets)]
        else:
            unnamed = [entry for entry in entries if entry.values.get("name") in (UNKNOWN, None)]
            found = [entry for entry in unnamed if entry.resource.module == near.module]
        return _with_keys_of(found, near)


def together(plan: Plan, one: Resource, other: Resource) -> bool:
    """Tell whether two resources may lie in the same region and account."""
    for place in (plan.region_of, plan.account_of):
        here, there = place(one), place(other)
        if here is not None and there is not None and here != there:
            return False
    return True


def token(name: object) -> object:
    """Return what equal names have in common, whether they are sensitive or not."""
    return Secret(name) if isinstance(name, str) else name if isinstance(name, Secret) else repr(name)


def _by_name(entries: Iterable[Entry]) -> dict[tuple[str, object], list[Entry]]:
    found: dict[tuple[str, object], list[Entry]] = {}
    for entry in entries:
        name = entry.values.get("name")
        if isinstance(name, str | Secret):
            found.setdefault((entry.resource.type, token(name)), []).append(entry)
    return found


def _with_keys_of(candidates: Sequence[Entry], near: Resource) -> list[Entry]:
    """Return those of several candidates that lie in another one's instance of a module, and have its key."""
    found = list(candidates)
    if len(found) > 1:
        close = [entry for entry in found if _same_instance(entry.resource.module, near.module)]
        found = close or found
    if len(found) > 1 and near.key is not None:
        found = [entry for entry in found if entry.resource.key == near.key] or found
    return found


def _same_instance(one: str, other: str) -> bool:
    """Tell whether a module is, lies in, or holds another, by the modules' addresses with their keys."""
    return one == other or f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.") or not (one and other)
