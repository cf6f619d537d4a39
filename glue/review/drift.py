"""What changed outside of Terraform. The first plan after a create reports null against [] or {}: that is none."""

from __future__ import annotations

from collections.abc import Iterator

from glue.review.echoes import Echoes
from glue.review.model import Finding, Grade, Part, Settings
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.stateful import kinds


def inspect(plan: Plan, settings: Settings) -> Part:
    """Return a finding for each resource that somebody or something changed or removed outside of Terraform."""
    planned = {change.address: change for change in plan.changes if change.deposed is None}
    return Part(findings=tuple(_findings(plan, settings, planned)))


def lines(plan: Plan) -> tuple[str, ...]:
    """Return one line for each resource that drifted, in words."""
    return tuple(f"{change.address}: {_words(change)}" for change in drifted(plan))


def drifted(plan: Plan) -> Iterator[Resource]:
    """Yield the entries of the plan's drift that mean something."""
    echoes = Echoes(plan)
    for change in plan.drift:
        if change.mode == "managed" and (change.what in ("delete", "create", "replace") or echoes.meaningful(change)):
            yield change


def _words(change: Resource) -> str:
    if change.what == "delete":
        return "removed outside of Terraform"
    return f"changed outside of Terraform: {', '.join(change.attributes())}"


def _findings(plan: Plan, settings: Settings, planned: dict[str, Resource]) -> Iterator[Finding]:
    for change in drifted(plan):
        gone = change.what == "delete"
        serious = bool(kinds().lost(change.type)) or change.type == "aws_sagemaker_endpoint"
        undone = _undone(change, planned.get(change.address))
        grade = None
        if gone and serious:
            grade = Grade.HIGH
        elif not gone and not undone:
            grade = Grade.LOW
        details = tuple(f"this plan sets {name} back" for name in undone)
        yield settings.rules.finding(
            "drift-gone" if gone else "drift-found",
            resource=change.address,
            message=f"{change.type} was {_words(change)}",
            details=details,
            grade=grade,
        )


def _undone(change: Resource, plan: Resource | None) -> tuple[str, ...]:
    """Return the attributes that somebody changed and this plan changes again."""
    if plan is None or plan.what not in ("update", "replace"):
        return ()
    return tuple(name for name in change.attributes() if name in plan.attributes())
