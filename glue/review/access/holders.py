"""Where a plan holds policies: the attributes of its resources, before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from glue.iam.model import PolicyKind
from glue.iam.policy import Use
from glue.review.access.policy_types import IDENTITY, NAMES, NO_IAM, TYPES
from glue.review.endpoints_references import References
from glue.review.plan import Plan
from glue.review.resource import Resource, same
from glue.review.values import Secret

# A policy in these lets nobody in: it is a limit to what others grant.
LIMITS = frozenset({
    "aws_vpc_endpoint", "aws_vpc_endpoint_policy", "aws_organizations_policy",
})  # fmt: skip
# Whoever may do it by its own policies may do it, unless these deny: those of a key and of a role say all themselves.
_OWN: dict[str, PolicyKind] = {
    "aws_kms_key": "key",
    "aws_kms_key_policy": "key",
    "aws_kms_external_key": "key",
    "aws_kms_replica_key": "key",
}
_MOST = 524_288


@dataclass(frozen=True)
class Held:
    """A policy in one attribute of a resource, on one side. `why` says why it cannot be read."""

    resource: Resource
    attribute: str
    text: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Holder:
    """A policy before and after. `kind` says how a resource's policy counts."""

    resource: Resource
    attribute: str
    use: Use
    kind: PolicyKind | Literal["limit"]
    before: Held
    after: Held

    @property
    def address(self) -> str:
        """Return the resource's address."""
        return self.resource.address


def sides(resource: Resource) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return the values before and after the apply. What is only forgotten stays as it is."""
    if resource.what == "forget":
        return resource.before, resource.before
    return resource.before, resource.after


class Reader:
    """Reads policies out of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.references = References(plan.configuration)
        listed = [one for one in plan.changes if one.mode == "managed" and one.deposed is None]
        known = {one.address for one in listed}
        self.resources = listed + [one for one in plan.resources() if one.what == "none" and one.address not in known]

    def holders(self) -> Iterator[Holder]:
        """Yield the policies of resources that change: trust policies and those of resources, not of identities."""
        for resource in self.resources:
            if resource.what in ("none", "read", "forget") or not self._may_hold(resource):
                continue
            for attribute in self._attributes(resource):
                before, after = (self.held(resource, attribute, after=side) for side in (False, True))
                if before.text != after.text or after.why:
                    yield Holder(
                        resource, attribute, _use(attribute, before, after), _kind(resource, attribute), before, after
                    )

    def _differs(self, resource: Resource, attribute: str, before: Held, after: Held) -> bool:
        if resource.is_unknown(*_steps(attribute)):
            return before.text != after.text or after.why is not None
        old, new = ((_at(values, attribute) if values else None) for values in sides(resource))
        return not same(old, new)

    def _may_hold(self, resource: Resource) -> bool:
        if resource.type in NO_IAM or not ("aws" in resource.provider or resource.type.startswith("aws_")):
            return False
        return resource.type not in IDENTITY or resource.type == "aws_iam_role"

    def _attributes(self, resource: Resource) -> Iterator[str]:
        """Yield the attributes that hold a policy, or that may once they are known, as paths (`rule.0.policy`)."""
        if resource.type == "aws_iam_role":
            yield "assume_role_policy"
            return
        found = {path for values in sides(resource) for path in _texts(values or {}, known=resource.type in TYPES)}
        marks = resource.unknown if isinstance(resource.unknown, dict) else {}
        found |= {name for name in NAMES if marks.get(name) is True}
        found |= {n for n in NAMES for values in sides(resource) if isinstance((values or {}).get(n), Secret)}
        yield from sorted(found)

    def held(self, resource: Resource, attribute: str, *, after: bool) -> Held:
        """Return a policy on one side, or why it cannot be read."""
        values = sides(resource)[after]
        if values is None:
            return Held(resource, attribute)
        if after and resource.is_unknown(*_steps(attribute)):
            return self._unknown(resource, attribute)
        found = _at(values, attribute)
        if found is None or found == "":
            return Held(resource, attribute)
        if isinstance(found, Secret):
            return Held(resource, attribute, why="the policy is marked sensitive")
        if not isinstance(found, str):
            return Held(resource, attribute, why="the policy is no text")
        return Held(resource, attribute, found)

    def _unknown(self, resource: Resource, attribute: str) -> Held:
        """Return what an unknown policy is: the one that AWS gives when the configuration gives none."""
        if self.references.written(resource, attribute) is False:
            kept = (resource.before or {}).get(attribute) if resource.what == "update" else None
            return Held(resource, attribute, kept if isinstance(kept, str) and kept else None)
        return Held(resource, attribute, why="the policy is known only after the apply")


def _use(attribute: str, before: Held, after: Held) -> Use:
    if attribute == "assume_role_policy":
        return "trust"
    texts = [text for text in (after.text, before.text) if text]
    return "resource" if any("Principal" in text for text in texts) else "any"


def _kind(resource: Resource, attribute: str) -> PolicyKind | Literal["limit"]:
    if attribute == "assume_role_policy":
        return "trust"
    if resource.type in LIMITS:
        return "limit"
    return _OWN.get(resource.type, "default")


def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(step) if step.isdigit() else step for step in path.split("."))


def _at(values: Any, path: str) -> Any:
    for step in _steps(path):
        if isinstance(values, Mapping):
            values = values.get(str(step))
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            values = values[step]
        else:
            return None
    return values


def _texts(values: Any, path: str = "", *, known: bool) -> Iterator[str]:
    """Yield the paths of texts that are policies; in a type that is known to hold one also of what should be."""
    inside = values.items() if isinstance(values, Mapping) else enumerate(values)
    for key, value in inside:
        if isinstance(value, str):
            if _looks(value) or (known and not path and key in NAMES and value.strip()):
                yield f"{path}{key}"
        elif isinstance(value, Mapping | list) and "." not in str(key):
            yield from _texts(value, f"{path}{key}.", known=known)


@lru_cache(maxsize=4096)
def _looks(text: str) -> bool:
    """Tell whether a text is a JSON object with a Statement."""
    if not text.lstrip().startswith("{") or len(text) > _MOST:
        return False
    if "Statement" not in text and "\\u" not in text:
        return False
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return "Statement" in text
    return isinstance(read, dict) and "Statement" in read
