"""The table: which permissions an operation needs, on which resources, with which condition keys; one file a service.

A row is a string (the type of the resource; the action is named like the operation) or a table with

    action   name of the action, with its service's prefix when it is another's; default: the operation's
    on       a type of resource, `*`, or a template of an ARN
    otherwise  what stands in for `on` when the request does not name the resource
    when, unless  a parameter that must be there, or must not be (JMESPath; `Name=value` compares)
    each     a list in the parameters: one check for each `{item}` of it
    keys     condition key -> template of its value
    encryption_context  the parameter that holds it (KMS)
    items    where DynamoDB's keys lie

or a list of these: all must be allowed. An empty list means that everybody may. Templates are described in `templates`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "table"
_FIELDS = frozenset({"action", "on", "otherwise", "when", "unless", "each", "keys", "encryption_context", "items"})


@dataclass(frozen=True)
class Rule:
    """One check. `action` has its prefix; `on` and `otherwise` are templates."""

    action: str
    on: str
    otherwise: str | None = None
    when: str | None = None
    unless: str | None = None
    each: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    encryption_context: str | None = None
    items: str | None = None


@dataclass(frozen=True)
class Service:
    """One file of the table."""

    name: str
    reference: str  # page of the service authorization reference that its rows were compared with
    resources: Mapping[str, str]
    operations: Mapping[str, tuple[Rule, ...]]
    request_tags: str | None = None
    tag_names: tuple[str, str] | None = None  # members of a tag; None: Key and Value, whatever their case
    tag_keys: str | None = None


@cache
def services() -> Mapping[str, Service]:
    """Return the whole table by botocore's names of the services. Raises ValueError for a row that makes no sense."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.toml"))}


def find(service: str, operation: str) -> tuple[Rule, ...] | None:
    """Return the checks of an operation, None when the table does not know it."""
    known = services().get(service)
    return known.operations.get(operation) if known else None


def _read(path: Path) -> Service:
    data = tomllib.loads(path.read_text())
    resources = data["resources"]
    operations = {
        name: tuple(_rule(data["prefix"], name, row, resources) for row in _rows(rows))
        for name, rows in data["operations"].items()
    }
    names = data.get("request_tag_names")
    return Service(
        name=path.stem,
        reference=data["reference"],
        resources=resources,
        operations=operations,
        request_tags=data.get("request_tags"),
        tag_names=(names[0], names[1]) if names else None,
        tag_keys=data.get("tag_keys"),
    )


def _rows(rows: Any) -> list[Any]:
    return rows if isinstance(rows, list) else [rows]


def _rule(prefix: str, operation: str, row: Any, resources: Mapping[str, str]) -> Rule:
    fields: dict[str, Any] = {"on": row} if isinstance(row, str) else dict(row)
    if unknown := set(fields) - _FIELDS:
        raise ValueError(f"{prefix} {operation}: {', '.join(sorted(unknown))} is no field of a row")
    action = fields.pop("action", operation)
    for name in ("on", "otherwise"):
        if name in fields:
            fields[name] = _template(fields[name], resources, f"{prefix} {operation}")
    return Rule(action=action if ":" in action else f"{prefix}:{action}", **fields)


def _template(text: str, resources: Mapping[str, str], where: str) -> str:
    if text == "*" or "{" in text:
        return text
    if text not in resources:
        raise ValueError(f"{where}: {text} is no type of resource")
    return resources[text]
