"""Protections that a plan disables or removes: versioning, encryption, public access blocks, retention, logging, ..."""

from __future__ import annotations

from collections.abc import Iterator

from glue.review import lifecycle
from glue.review.around import Around
from glue.review.model import Finding, Part, Settings
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.strength import table
from glue.review.values import text_of


def inspect(plan: Plan, settings: Settings) -> Part:
    """Return a finding for each protection that is weaker after the apply than before."""
    around = Around(plan)
    found = [
        finding
        for change in plan.changes
        if change.mode == "managed" and change.what != "none" and change.deposed is None
        for finding in (
            *_weakened(change, plan, settings),
            *_removed(change, around, settings),
            *lifecycle.findings(change, around, settings),
        )
    ]
    told = frozenset(change.address for change in plan.changes if change.destroyed and change.type in table().removed)
    return Part(findings=tuple(found), claimed=told)  # a finding of its own, or gone with what it protected


def _weakened(change: Resource, plan: Plan, settings: Settings) -> Iterator[Finding]:
    if change.what not in ("create", "update", "replace"):
        return
    lost: dict[str, list[str]] = {}
    for name in change.attributes():
        for check in table().checks.get(name, ()):
            if words := check.lost(change):
                lost.setdefault(check.rule, []).append(f"{check.says} {plan.show(words)}")
    for rule, told in lost.items():
        message = f"{change.type}: {told[0]}" + (f", and {len(told) - 1} more" if len(told) > 1 else "")
        yield settings.rules.finding(rule, resource=change.address, message=message, details=tuple(told[1:]))


def _removed(change: Resource, around: Around, settings: Settings) -> Iterator[Finding]:
    """Yield a finding for a protection that goes while what it protects stays."""
    protection = table().removed.get(change.type)
    if protection is None or not change.destroyed:
        return
    whose = text_of(change.before, protection.of)
    if whose is None and change.what == "replace":
        return  # nothing says that another thing is protected now
    if whose is None or not (around.goes(whose, change) or _still_protected(whose, change, around)):
        of = f" of {around.plan.show(whose)}" if whose else ""
        yield settings.rules.finding(
            protection.rule, resource=change.address, message=f"{change.type}: {protection.says}{of} is removed"
        )


def _still_protected(whose: str, change: Resource, around: Around) -> bool:
    """Tell whether a resource of the same type protects the same thing afterwards, at least as well as before."""
    checks = [check for name in change.before or {} for check in table().checks.get(name, ())]
    return any(
        all(check.strength(other.after) >= check.strength(change.before) for check in checks)
        for other in around.protecting(change.type, whose)
    )
