"""What an expression in a plan's `configuration` refers to, through the variables and outputs of modules.

https://developer.hashicorp.com/terraform/internals/json-format#expression-representation: references are listed, with
those that lead to them; locals and dynamic blocks are not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glue.review.resource import Resource

_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|-?\d+)\]')
_RESOURCE = re.compile(
    r'(?P<type>[a-z][a-z0-9]*_[a-z0-9_]+)\.(?P<name>[\w-]+)(?:\[(?P<key>"(?:[^"\\]|\\.)*"|\d+)\])?(?:\.|\[|$)'
)
_DEEPEST = 30  # modules within modules; who refers in a circle gets an end


@dataclass(frozen=True)
class Target:
    """A resource that is referred to: its module without keys, type, name, and its key where one is written."""

    module: str
    type: str
    name: str
    key: str | int | None = None

    def means(self, resource: Resource) -> bool:
        """Tell whether a resource may be meant."""
        if (resource.type, resource.name) != (self.type, self.name) or _INDEX.sub("", resource.module) != self.module:
            return False
        return self.key is None or self.key == resource.key


class References:
    """Answers from one plan's configuration."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        root = configuration.get("root_module")
        self._root: Mapping[str, Any] = root if isinstance(root, Mapping) else {}

    def targets(self, resource: Resource, path: str) -> tuple[Target, ...]:
        """Return the resources that an attribute refers to; `path` is like `production_variants.0.model_name`."""
        module = _INDEX.sub("", resource.module)
        inside = self._inside(module)
        entries = inside.get("resources") if inside else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and (entry.get("type"), entry.get("name")) == (resource.type, resource.name):
                expression = _at(entry.get("expressions"), path.split("."))
                return tuple(dict.fromkeys(self._followed(module, expression, _DEEPEST)))
        return ()

    def written(self, resource: Resource, attribute: str) -> bool | None:
        """Tell whether the configuration gives a resource's attribute; null when it does not hold the resource."""
        inside = self._inside(_INDEX.sub("", resource.module))
        entries = inside.get("resources") if inside else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and (entry.get("type"), entry.get("name")) == (resource.type, resource.name):
                expressions = entry.get("expressions")
                return isinstance(expressions, Mapping) and attribute in expressions
        return None

    def _inside(self, module: str) -> Mapping[str, Any] | None:
        """Return the configuration of a module, by its address without keys."""
        inside: Any = self._root
        for name in re.findall(r"module\.([\w-]+)", module):
            inside = _at(inside, ["module_calls", name, "module"])
        return inside if isinstance(inside, Mapping) else None

    def _followed(self, module: str, expression: Any, depth: int) -> Iterator[Target]:
        if depth == 0:
            return
        for reference in _references(expression):
            kind, _, rest = reference.partition(".")
            if kind == "module":
                called, _, output = _INDEX.sub("", rest).partition(".")
                child = f"{module}.module.{called}" if module else f"module.{called}"
                inside = self._inside(child)
                wanted = output.split(".")[0]
                yield from self._followed(child, _at(inside, ["outputs", wanted, "expression"]), depth - 1)
            elif kind == "var" and module:
                parent, _, called = module.rpartition("module.")
                caller = self._inside(parent.rstrip("."))
                given = _at(caller, ["module_calls", called, "expressions", rest.split(".")[0].split("[")[0]])
                yield from self._followed(parent.rstrip("."), given, depth - 1)
            elif match := _RESOURCE.match(reference):
                key = match["key"]
                yield Target(module, match["type"], match["name"], _key(key) if key else None)


def _key(text: str) -> str | int:
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\") if text.startswith('"') else int(text)


def _at(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _references(expression: Any) -> Iterator[str]:
    """Yield what an expression refers to: the longest form of each reference, which the shorter ones lead to."""
    if isinstance(expression, list):
        for inner in expression:
            yield from _references(inner)
    elif isinstance(expression, Mapping):
        listed = expression.get("references")
        if isinstance(listed, list):
            names = [name for name in listed if isinstance(name, str)]
            yield from (n for n in names if not any(o != n and o.startswith((f"{n}.", f"{n}[")) for o in names))
        else:
            for inner in expression.values():
                yield from _references(inner)
