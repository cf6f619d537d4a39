"""Puts a review together: every inspector's part, the exceptions, the grade. Nothing sensitive leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from glue.errors import UsageError
from glue.review import access, cost, drift, endpoints, exceptions, noise, protections, provisioners, stateful
from glue.review.loading import uncollected
from glue.review.model import AccessChange, Cost, Finding, Grade, Part, Review, Settings
from glue.review.plan import Plan
from glue.review.values import Scrubber, plain

INSPECTORS = (
    endpoints.inspect,
    access.inspect,
    stateful.inspect,
    protections.inspect,
    drift.inspect,
    provisioners.inspect,
    cost.inspect,
)
# What answers requests for a model, whoever's provider it is: destroying one is forbidden.
ENDPOINTS = (
    "aws_sagemaker_endpoint",
    "awscc_sagemaker_endpoint",
    "azurerm_machine_learning_online_endpoint",
    "databricks_model_serving",
    "google_vertex_ai_endpoint",
)
_WRONG_SHAPES = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
_NO_ACCESS, _NO_COST = AccessChange(), Cost()
_WORDS = frozenset(
    {"rule", "grade", "kind", "what", "action", "type", "currency", "digest", "name", "terraform_version"}
)


def review(plan: Plan, *, settings: Settings) -> Review:
    """Return the review of a plan. Raises UsageError for values of a shape that no plan has."""
    try:
        with uncollected():
            return _review(plan, settings)
    except RecursionError as error:
        raise UsageError(f"{plan.name} is nested too deeply to be reviewed") from error
    except _WRONG_SHAPES as error:  # a list where every provider writes a string: no answer, rather than a wrong one
        raise UsageError(
            f"{plain(plan.name)} holds values that no provider writes: it cannot be reviewed ({type(error).__name__})",
            remedy="if Terraform made this plan, it is a fault of slipway: report it with --verbose",
        ) from error


def _review(plan: Plan, settings: Settings) -> Review:
    parts = [inspector(plan, settings) for inspector in INSPECTORS]
    claimed = frozenset(address for part in parts for address in part.claimed)
    parts.append(noise.inspect(plan, settings, claimed))
    parts.append(Part(findings=tuple(_of_the_plan(plan, settings))))
    found = [finding for part in parts for finding in part.findings]
    found += _lost_endpoints(plan, settings, found)
    findings = exceptions.apply(found, settings.waivers, rules=settings.rules, today=settings.today)
    access = next((part.access for part in parts if part.access is not None), _NO_ACCESS)
    part = () if plan.complete else ("the plan is not complete: more may change than it says",)
    notes = tuple(dict.fromkeys((*plan.notes, *part, *(note for part in parts for note in part.notes))))
    made = Review(
        name=plan.name,
        digest=plan.digest,
        grade=max((finding.grade for finding in findings), default=Grade.NONE),
        findings=tuple(sorted(findings, key=lambda finding: (-finding.grade, finding.rule, finding.resource))),
        endpoints=tuple(sorted((line for part in parts for line in part.endpoints), key=lambda line: line.endpoint)),
        access=access,
        cost=next((part.cost for part in parts if part.cost is not None), _NO_COST),
        counts=noise.counts(plan),
        folded=tuple(line for part in parts for line in part.folded),
        drift=drift.lines(plan),
        outputs=tuple(f"{name} {output.what}" for name, output in plan.outputs.items() if output.what != "none"),
        sure=plan.complete and not (plan.notes or plan.deferred or access.unjudged),
        notes=notes,
        changes=noise.changes(plan),
        terraform_version=plan.terraform_version,
    )
    masked: Review = scrubbed(made, plan.scrub)
    return masked


def _of_the_plan(plan: Plan, settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the plan itself."""
    for note in plan.notes:
        yield settings.rules.finding("plan-not-understood", message=note)
    if plan.deferred:
        message = f"{len(plan.deferred)} changes are put off, and nobody can see them yet"
        details = tuple(plan.show(address, most=300) for address in plan.deferred)
        yield settings.rules.finding("plan-incomplete", message=message, details=details, grade=Grade.HIGH)
    elif not plan.complete:
        message = "the plan holds only a part of what Terraform would change (-target)"
        yield settings.rules.finding("plan-incomplete", message=message)
    managed = sum(entry["mode"] == "managed" for entry in plan.prior.entries.values())
    if managed and not plan.changes:
        yield settings.rules.finding(
            "refresh-only", message=f"no change is listed, and the state holds {managed} resources"
        )
    for check in plan.document.get("checks", ()):
        if isinstance(check, dict) and check.get("status") in ("fail", "error"):
            address = check.get("address")
            shown = address.get("to_display") if isinstance(address, dict) else None
            yield settings.rules.finding("check-failed", message=f"{plan.show(shown or 'a check')} fails")


def _lost_endpoints(plan: Plan, settings: Settings, found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield a finding for each destroyed endpoint that nobody has forbidden yet: the last line of defence."""
    told = {finding.resource for finding in found if finding.grade is Grade.FORBIDDEN}
    for change in plan.of_type(*ENDPOINTS):
        if change.destroyed and change.address not in told:
            name = (change.before or {}).get("name")
            rule = "endpoint-replaced" if change.what == "replace" else "endpoint-destroyed"
            message = f"endpoint {plan.show(name)} is {rule.removeprefix('endpoint-')}"
            yield settings.rules.finding(rule, resource=change.address, message=message, grade=Grade.FORBIDDEN)


def scrubbed(value: Any, scrub: Scrubber) -> Any:
    """Return a review, or any part of one, with every sensitive string masked; words of ours stay as they are."""
    if scrub.empty:
        return value
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, tuple):
        return tuple(scrubbed(inner, scrub) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        inside = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in _WORDS}
        masked = {name: scrubbed(inner, scrub) for name, inner in inside.items()}
        return replace(value, **{name: inner for name, inner in masked.items() if inner is not inside[name]})
    return value
