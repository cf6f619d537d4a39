"""Templates of the table: `arn:aws:sagemaker:{region}:{account}:endpoint/{EndpointName|lower}`.

In braces: a JMESPath expression over the request's parameters, then names of `lookups` that its value passes through.
`{region}`, `{account}` and `{item}` are also there, and `{endpoint}` for the ARN of another type of resource of the
same file. A value that is an ARN already replaces the whole template: AWS takes ARNs for names in many places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jmespath  # type: ignore[import-untyped]

from sandbox.iam import lookups

_FIELD = re.compile(r"\{((?:`[^`]*`|[^{}])+)\}")
_PIPE = re.compile(r"(?<!\|)\|(?!\|)")
_COLONS = 5  # an ARN has at least six parts
_SIMPLE = re.compile(r"\w+")


@dataclass(frozen=True)
class Scope:
    """What templates of one request see."""

    account: str
    region: str
    parameters: Mapping[str, Any]
    resources: Mapping[str, str]
    item: Any = None

    def at(self, item: Any) -> Scope:
        """Return the same with `{item}` set."""
        return replace(self, item=item)


@cache
def _parts(template: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return (literal before, expression, look-ups) for each field; the last one has no expression."""
    parts, position = [], 0
    for match in _FIELD.finditer(template):
        expression, *filters = _PIPE.split(match[1])
        parts.append((template[position : match.start()], expression, tuple(filters)))
        position = match.end()
    return (*parts, (template[position:], "", ()))


@cache
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def search(expression: str, scope: Scope) -> Any:
    """Return what a JMESPath expression finds, None for nothing."""
    if _SIMPLE.fullmatch(expression):
        if expression in {"account", "region", "item"}:
            return getattr(scope, expression)
        return scope.parameters.get(expression)
    data = {**scope.parameters, "item": scope.item, "account": scope.account, "region": scope.region}
    try:
        return _compiled(expression).search(data)
    except jmespath.exceptions.JMESPathError:
        return None  # a parameter of another type than the API's; the service refuses it


def value(template: str, scope: Scope) -> str | tuple[str, ...] | None:
    """Return what a template of a condition key gives: text, several texts, or None when there is nothing."""
    parts = _parts(template)
    if len(parts) == 2 and not parts[0][0] and not parts[1][0]:
        return _texts(_field(parts[0][1], parts[0][2], scope))
    return text(template, scope)


def text(template: str, scope: Scope) -> str | None:
    """Return the template filled in, None when one of its fields is nothing or not one text."""
    out = []
    for literal, expression, filters in _parts(template):
        out.append(literal)
        if not expression:
            continue
        found = _texts(_field(expression, filters, scope))
        if not isinstance(found, str) or not found:
            return None
        if found.startswith("arn:"):
            return found if found.count(":") >= _COLONS else None
        out.append(found)
    return "".join(out)


def holds(condition: str, scope: Scope) -> bool:
    """Say whether a `when` holds: `Name=value`, or an expression that finds something."""
    name, equals, wanted = condition.partition("=")
    if equals and _SIMPLE.fullmatch(name):
        return str(search(name, scope)) == wanted
    expression, *filters = _PIPE.split(condition)
    return bool(_field(expression, tuple(filters), scope))


def _field(expression: str, filters: tuple[str, ...], scope: Scope) -> Any:
    if expression in scope.resources:
        found: Any = text(scope.resources[expression], scope)
    else:
        found = search(expression, scope)
    for name in filters:
        if found is None:
            return None
        if isinstance(found, list):
            found = [lookups.apply(name, one, scope) for one in found]
        else:
            found = lookups.apply(name, found, scope)
    return found


def _texts(found: Any) -> str | tuple[str, ...] | None:
    if found is None or isinstance(found, dict):
        return None
    if isinstance(found, list):
        return tuple(str(one) for one in found if one is not None)
    if isinstance(found, bool):
        return str(found).lower()
    return str(found)
