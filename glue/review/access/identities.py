"""Roles, users and groups of a plan: the policies that each carries before and after, and the boundary around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from glue.review.access.holders import Held, Reader, sides
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.values import Secret

Key = tuple[str, str, str]  # role, user or group; account, or nothing; name, or the address when the name is not known
_KINDS = {"aws_iam_role": "role", "aws_iam_user": "user", "aws_iam_group": "group"}
_INLINE = {f"{kind}_policy": name for kind, name in _KINDS.items()}
_ATTACHED = {f"{kind}_policy_attachment": name for kind, name in _KINDS.items()}
_EXCLUSIVE = {f"{kind}_policy_attachments_exclusive": name for kind, name in _KINDS.items()}


@dataclass(frozen=True)
class Item:
    """One policy of somebody. `name` says what it is when it cannot be read here (`why`)."""

    source: str
    text: str | None
    name: str = ""
    why: str | None = None


@dataclass
class Entity:
    """Somebody with policies, on one side."""

    key: Key
    address: str = ""
    arn: str | None = None
    items: list[Item] = field(default_factory=list)
    boundary: Item | None = None
    groups: list[tuple[str, Key]] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Return who it is."""
        return f"{self.key[0]} {self.key[2]}"


@dataclass
class Estate:
    """One side of a plan: everybody, and the managed policies by ARN (without account) and by address."""

    people: dict[Key, Entity] = field(default_factory=dict)
    managed: dict[str, Item] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)  # addresses of managed policies that somebody carries or is bound by

    def everything_of(self, entity: Entity) -> list[Item]:
        """Return the policies of somebody, those of its groups too."""
        found = list(entity.items)
        for source, key in entity.groups:
            group = self.people.get(key)
            found += group.items if group and group.items else [Item(source, None, f"group {key[2]}", ELSEWHERE)]
        return found


ELSEWHERE = "its content is not in this plan"
OF_AWS = "AWS says what it grants"
_UNKNOWN = "known only after the apply"


class Builder:
    """Builds one side."""

    def __init__(self, reader: Reader, *, after: bool) -> None:
        self.reader, self.after = reader, after
        self.plan: Plan = reader.plan
        self.estate = Estate()
        self._by_name: dict[tuple[str, str], list[Key]] = {}
        self._by_address: dict[str, Key] = {}

    def build(self) -> Estate:
        """Return the side."""
        sided = ((resource, self._values(resource)) for resource in self.reader.resources)
        entries = [(resource, values) for resource, values in sided if values is not None]
        for resource, values in entries:
            if resource.type in _KINDS:
                self._entity(resource, values)
            elif resource.type == "aws_iam_policy":
                self._managed(resource, values)
        for resource, values in entries:
            self._carried(resource, values)
        return self.estate

    def _values(self, resource: Resource) -> Mapping[str, Any] | None:
        return sides(resource)[self.after] if resource.type.startswith("aws_iam_") else None

    def _entity(self, resource: Resource, values: Mapping[str, Any]) -> None:
        kind = _KINDS[resource.type]
        name, account = _text(values.get("name")), self.plan.account_of(resource) or ""
        key = (kind, account, name or resource.address)
        arn = _text(values.get("arn"))
        if not arn and name and account:
            arn = f"arn:aws:iam::{account}:{kind}{_text(values.get('path')) or '/'}{name}"
        entity = Entity(key, resource.address, arn)
        self.estate.people[key] = entity
        self._by_address[resource.address] = key
        if name:
            self._by_name.setdefault((kind, name), []).append(key)

    def _managed(self, resource: Resource, values: Mapping[str, Any]) -> None:
        held = self.reader.held(resource, "policy", after=self.after)
        item = Item(resource.address, held.text, f"policy {_text(values.get('name')) or resource.address}", held.why)
        self.estate.managed[resource.address] = item
        self.estate.addresses.append(resource.address)
        name = _text(values.get("name"))
        if name:
            path = _text(values.get("path")) or "/"
            account = self.plan.account_of(resource) or ""
            self.estate.managed[f"{account}:policy{path}{name}"] = item
            self.estate.managed.setdefault(f":policy{path}{name}", item)

    def _carried(self, resource: Resource, values: Mapping[str, Any]) -> None:
        """Give the policies of a resource to whom they belong."""
        if resource.type in _KINDS:
            self._own(resource, values, self.estate.people[self._by_address[resource.address]])
        elif resource.type in _INLINE:
            held = self.reader.held(resource, "policy", after=self.after)
            name = f"policy {_text(values.get('name')) or resource.address}"
            self._give(resource, values, _INLINE[resource.type], Item(resource.address, held.text, name, held.why))
        elif attached := (_ATTACHED.get(resource.type) or _EXCLUSIVE.get(resource.type)):
            for item in self._policies(
                resource, values, "policy_arns" if resource.type in _EXCLUSIVE else "policy_arn"
            ):
                self._give(resource, values, attached, item)
        elif resource.type == "aws_iam_policy_attachment":
            self._attached_to_all(resource, values)
        elif resource.type in ("aws_iam_user_group_membership", "aws_iam_group_membership"):
            self._membership(resource, values)

    def _attached_to_all(self, resource: Resource, values: Mapping[str, Any]) -> None:
        for item in self._policies(resource, values, "policy_arn"):
            for kind in _KINDS.values():
                for entity in self._several(resource, values, kind, f"{kind}s"):
                    entity.items.append(item)

    def _own(self, resource: Resource, values: Mapping[str, Any], entity: Entity) -> None:
        """Read what a role or user says of itself; what the configuration does not say there, others manage."""
        for at, inline in enumerate(self._said(resource, values, "inline_policy")):
            if isinstance(inline, Mapping) and (text := inline.get("policy")):
                why = "the policy is marked sensitive" if isinstance(text, Secret) else None
                readable = text if isinstance(text, str) else None
                entity.items.append(Item(resource.address, readable, f"inline policy {at + 1}", why))
        if (
            self.after
            and self.reader.references.written(resource, "inline_policy")
            and resource.has_unknown("inline_policy")
        ):
            entity.items.append(Item(resource.address, None, "inline policy", _UNKNOWN))
        if self._said(resource, values, "managed_policy_arns") or self._unknown(resource, "managed_policy_arns"):
            entity.items.extend(self._policies(resource, values, "managed_policy_arns"))
        bounds = list(self._policies(resource, values, "permissions_boundary"))
        entity.boundary = bounds[0] if bounds else None

    def _said(self, resource: Resource, values: Mapping[str, Any], attribute: str) -> list[Any]:
        found = values.get(attribute)
        if not isinstance(found, list):
            return []
        written = self.reader.references.written(resource, attribute)
        differs = (resource.before or {}).get(attribute) != (resource.after or {}).get(attribute)
        return found if written or (written is None and differs) else []

    def _unknown(self, resource: Resource, attribute: str) -> bool:
        if not (self.after and resource.has_unknown(attribute)):
            return False
        return self.reader.references.written(resource, attribute) is not False

    def _policies(self, resource: Resource, values: Mapping[str, Any], attribute: str) -> Iterator[Item]:
        """Yield the managed policies that an attribute names, by ARN or by what the configuration refers to."""
        found = values.get(attribute)
        for arn in found if isinstance(found, list) else [found]:
            if isinstance(arn, str) and arn:
                yield self._by_arn(resource, arn)
        if self._unknown(resource, attribute):
            targets = self.reader.references.targets(resource, attribute)
            meant = [one for one in self.reader.resources if any(target.means(one) for target in targets)]
            meant = _nearest(resource, [one for one in meant if one.address in self.estate.managed])
            for one in meant:
                self.estate.uses.add(one.address)
                item = self.estate.managed[one.address]
                yield Item(_source(resource, item), item.text, item.name, item.why)
            if not meant:
                yield Item(resource.address, None, f"the policy in {attribute}", _UNKNOWN)

    def _by_arn(self, resource: Resource, arn: str) -> Item:
        account, _, rest = arn.partition(":iam::")[2].partition(":")
        item = self.estate.managed.get(f"{account}:{rest}") or self.estate.managed.get(f":{rest}")
        if item is not None and account != "aws":
            self.estate.uses.add(item.source)
            return Item(_source(resource, item), item.text, item.name, item.why)
        name = arn.rpartition(":policy/")[2] or arn
        if account == "aws":
            return Item(resource.address, None, f"AWS's policy {name}", OF_AWS)
        return Item(resource.address, None, f"policy {name}", ELSEWHERE)

    def _give(self, resource: Resource, values: Mapping[str, Any], kind: str, item: Item) -> None:
        for attribute in (kind, f"{kind}_name"):
            if attribute in values or self._unknown(resource, attribute):
                for entity in self._several(resource, values, kind, attribute):
                    entity.items.append(item)
                return

    def _several(self, resource: Resource, values: Mapping[str, Any], kind: str, attribute: str) -> Iterator[Entity]:
        """Yield whom an attribute names: those of the plan, and others that only have a name."""
        found = values.get(attribute)
        for name in found if isinstance(found, list) else [found]:
            if isinstance(name, str) and name:
                yield self._person(resource, kind, name.rpartition("/")[2])
        if self._unknown(resource, attribute):
            targets = self.reader.references.targets(resource, attribute)
            people = [one for one in self.reader.resources if one.address in self._by_address]
            meant = _nearest(resource, [one for one in people if any(target.means(one) for target in targets)])
            for one in meant:
                yield self.estate.people[self._by_address[one.address]]
            if not meant:
                key = (kind, "", f"(in {resource.address}, known only after the apply)")
                yield self.estate.people.setdefault(key, Entity(key, resource.address))

    def _person(self, resource: Resource, kind: str, name: str) -> Entity:
        keys = self._by_name.get((kind, name), [])
        account = self.plan.account_of(resource) or ""
        same = [key for key in keys if key[1] == account] or keys
        key = same[0] if same else (kind, account, name)
        arn = f"arn:aws:iam::{account}:{kind}/{name}" if account else None
        return self.estate.people.setdefault(key, Entity(key, resource.address, arn))

    def _membership(self, resource: Resource, values: Mapping[str, Any]) -> None:
        one_user = resource.type == "aws_iam_user_group_membership"
        users = self._several(resource, values, "user", "user" if one_user else "users")
        groups = list(self._several(resource, values, "group", "groups" if one_user else "group"))
        for user in users:
            user.groups += [(resource.address, group.key) for group in groups]


def _source(resource: Resource, item: Item) -> str:
    """Return which resource a right comes from: the attachment when it is what changes, else the policy."""
    return resource.address if resource.what not in ("none", "read") else item.source


def _nearest(resource: Resource, several: Iterable[Resource]) -> list[Resource]:
    """Return those with the resource's own key when there are any: `for_each` over the same map."""
    found = list(several)
    same = [one for one in found if one.key == resource.key and one.module == resource.module]
    return same or found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


__all__ = ["Builder", "Entity", "Estate", "Held", "Item"]
