"""Programs that an apply runs itself: provisioners do whatever they want, and no plan says what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from glue.review.model import Part, Settings
from glue.review.plan import Plan

_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')


def inspect(plan: Plan, settings: Settings) -> Part:
    """Return a finding for each resource whose creation or destruction runs a program."""
    running = dict(_running(plan.configuration))
    if not running:
        return Part()
    findings = []
    for change in plan.changes:
        kinds = running.get(_INDEX.sub("", change.address))
        if kinds and change.what in ("create", "replace", "delete"):
            message = f"{change.type} runs a program while it is {change.what}d: {plan.show(kinds)}"
            findings.append(settings.rules.finding("program-runs", resource=change.address, message=message))
    return Part(findings=tuple(findings))


def _running(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the addresses (without keys) that the configuration gives provisioners, and of which kinds."""
    waiting: list[tuple[str, Any]] = [("", configuration.get("root_module"))]
    while waiting:
        prefix, module = waiting.pop()
        if not isinstance(module, dict):
            continue
        for entry in _list(module.get("resources")):
            found = [one.get("type") for one in _list(entry.get("provisioners"))]
            if found:
                yield f"{prefix}{entry.get('type')}.{entry.get('name')}", ", ".join(map(str, found))
        calls = module.get("module_calls")
        for name, call in calls.items() if isinstance(calls, dict) else ():
            waiting.append((f"{prefix}module.{name}.", call.get("module") if isinstance(call, dict) else None))


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
