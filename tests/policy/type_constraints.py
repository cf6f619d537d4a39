"""Terraform's type constraints, as far as the environment's variable uses them.

Terraform drops attributes that an object type does not know, in silence: a misspelt setting is then simply off.
https://developer.hashicorp.com/terraform/language/expressions/type-constraints
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w-]+|[(){}\[\]=,]')


@dataclass(frozen=True)
class Type:
    """A constraint: a kind with its element type (map, set, list) or its attributes (object)."""

    kind: str
    element: "Type | None" = None
    attributes: "dict[str, Type]" = field(default_factory=dict)
    optional: frozenset[str] = frozenset()


def parse(text: str) -> Type:
    """Return the type that a constraint's text says."""
    tokens = TOKEN.findall(text)
    found, position = _type(tokens, 0)
    assert position == len(tokens), f"cannot read the type from {tokens[position:][:5]} on"
    return found


def _type(tokens: list[str], at: int) -> tuple[Type, int]:
    kind = tokens[at]
    if kind == "object":
        return _object(tokens, at + 3)  # object ( {
    if kind in {"map", "set", "list"}:
        element, at = _type(tokens, at + 2)
        return Type(kind, element), at + 1
    return Type(kind), at + 1


def _object(tokens: list[str], at: int) -> tuple[Type, int]:
    attributes, optional = {}, set()
    while tokens[at] != "}":
        if tokens[at] == ",":
            at += 1
            continue
        name = tokens[at]
        if tokens[at + 2] == "optional":
            attributes[name], at = _type(tokens, at + 4)
            optional.add(name)
            at = _closing(tokens, at)
        else:
            attributes[name], at = _type(tokens, at + 2)
    return Type("object", None, attributes, frozenset(optional)), at + 2


def _closing(tokens: list[str], at: int) -> int:
    """Return the place after the parenthesis that closes `optional(`, whatever its default is."""
    depth = 1
    while depth:
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(tokens[at], 0)
        at += 1
    return at


def complaints(value: object, wanted: Type, where: str) -> Iterator[str]:
    """Yield every attribute that the type does not know, and every one that is missing."""
    if value is None:
        return
    if wanted.kind == "object":
        assert isinstance(value, dict), f"{where} is not an object"
        yield from (f"{where}.{name} is unknown" for name in sorted(set(value) - set(wanted.attributes)))
        yield from (
            f"{where}.{name} is missing" for name in sorted(set(wanted.attributes) - wanted.optional - set(value))
        )
        for name in set(value) & set(wanted.attributes):
            yield from complaints(value[name], wanted.attributes[name], f"{where}.{name}")
    elif wanted.kind == "map" and wanted.element:
        assert isinstance(value, dict), f"{where} is not a map"
        for key, item in value.items():
            yield from complaints(item, wanted.element, f"{where}[{key}]")
