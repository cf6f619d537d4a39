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
    echoes = Echoes(plan)
    return tuple(f"{change.address}: {_words(change, _names(change, echoes))}" for change in drifted(plan))


def drifted(plan: Plan) -> Iterator[Resource]:
    """Yield the entries of the plan's drift that mean something."""
    echoes = Echoes(plan)
    for change in plan.drift:
        if change.mode == "managed" and (change.what in ("delete", "create", "replace") or echoes.meaningful(change)):
            yield change


def _names(change: Resource, echoes: Echoes) -> tuple[str, ...]:
    """Return the attributes that somebody changed, each once."""
    return tuple(dict.fromkeys(str(path[0]) for path in echoes.meaningful(change)))


def _words(change: Resource, names: tuple[str, ...]) -> str:
    if change.what == "delete":
        return "removed outside of Terraform"
    return f"changed outside of Terraform: {', '.join(names)}"


def _findings(plan: Plan, settings: Settings, planned: dict[str, Resource]) -> Iterator[Finding]:
    echoes = Echoes(plan)
    for change in drifted(plan):
        gone = change.what == "delete"
        serious = bool(kinds().lost(change.type)) or change.type == "aws_sagemaker_endpoint"
        names = _names(change, echoes)
        undone = _undone(names, planned.get(change.address))
        grade = None
        if gone and serious:
            grade = Grade.HIGH
        elif not gone and not undone:
            grade = Grade.LOW
        yield settings.rules.finding(
            "drift-gone" if gone else "drift-found",
            resource=change.address,
            message=f"{change.type} was {_words(change, names)}",
            details=tuple(f"this plan sets {name} back" for name in undone),
            grade=grade,
        )


def _undone(names: tuple[str, ...], plan: Resource | None) -> tuple[str, ...]:
    """Return those of the attributes that somebody changed which this plan changes again."""
    if plan is None or plan.what not in ("update", "replace"):
        return ()
    return tuple(name for name in names if name in plan.attributes())
