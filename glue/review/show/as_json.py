"""A review as one JSON document for programs, and back. Its schema: docs/review/review.schema.json.

Several plans are one document: each finding, endpoint and right carries the name of its `plan`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from glue.review.model import Cost, EndpointChange, FieldChange, Finding, Review, Right, VariantShape
from glue.review.show.report import Report, headline

VERSION = 1


def document(report: Report) -> dict[str, object]:
    """Return the document. Money is in dollars a month, null where it is not known."""
    counts: Counter[str] = Counter()
    for review in report.reviews:
        counts.update(review.counts)
    return {
        "schema_version": VERSION,
        "grade": report.grade.word,
        "summary": headline(report),
        "gate": report.gate.word if report.gate is not None else "never",
        "refused": report.refused,
        "sure": report.sure,
        "plans": [_plan(review) for review in report.reviews],
        "endpoints": [_endpoint(one, review.name) for review in report.reviews for one in review.endpoints],
        "findings": [_finding(one, review.name) for review in _by_grade(report) for one in review.findings],
        "access": {
            "gained": [_right(one, review.name) for review in report.reviews for one in review.access.gained],
            "lost": [_right(one, review.name) for review in report.reviews for one in review.access.lost],
            "unjudged": [
                {"plan": review.name, "resource": one.resource, "why": one.why}
                for review in report.reviews
                for one in review.access.unjudged
            ],
        },
        "cost": _cost(report.cost),
        "counts": dict(counts),
    }


def _by_grade(report: Report) -> Iterable[Review]:
    return sorted(report.reviews, key=lambda review: -review.grade)


def _plan(review: Review) -> dict[str, object]:
    return {
        "name": review.name,
        "digest": review.digest,
        "grade": review.grade.word,
        "terraform_version": review.terraform_version or None,
        "sure": review.sure,
        "counts": dict(review.counts),
        "cost": _cost(review.cost),
        "folded": list(review.folded),
        "drift": list(review.drift),
        "outputs": list(review.outputs),
        "notes": list(review.notes),
        "changes": [
            {"address": one.address, "type": one.type, "what": one.what, "attributes": list(one.attributes)}
            for one in review.changes
        ],
    }


def _finding(one: Finding, plan: str) -> dict[str, object]:
    waiver = one.exception
    return {
        "plan": plan,
        "rule": one.rule,
        "grade": one.grade.word,
        "resource": one.resource,
        "message": one.message,
        "remedy": one.remedy,
        "details": list(one.details),
        "endpoint": one.endpoint,
        "exception": None
        if waiver is None
        else {
            "rule": waiver.rule,
            "resource": waiver.resource,
            "owner": waiver.owner,
            "reason": waiver.reason,
            "expires": waiver.expires.isoformat(),
        },
    }


def _endpoint(one: EndpointChange, plan: str) -> dict[str, object]:
    return {
        "plan": plan,
        "endpoint": one.endpoint,
        "resource": one.resource,
        "action": one.action,
        "from": one.before,
        "to": one.after,
        "releases": {"from": list(one.releases_before), "to": list(one.releases_after)},
        "changes": [_field(change) for change in one.changes],
        "variants": {
            "from": [_variant(shape) for shape in one.variants_before],
            "to": [_variant(shape) for shape in one.variants_after],
        },
        "traffic": {
            "kind": one.traffic.kind,
            "text": one.traffic.text,
            "minutes_least": one.traffic.minutes_least,
            "minutes_most": one.traffic.minutes_most,
            "steps": [list(step) for step in one.traffic.steps],
        },
        "rollback": {"one_line": one.rollback.one_line, "text": one.rollback.text},
        "scales_in": list(one.scales_in),
        "interrupts": list(one.interrupts),
        "cost": _cost(one.cost),
        "text": one.text,
    }


def _field(one: FieldChange) -> dict[str, object]:
    return {"what": one.what, "variant": one.variant, "from": one.before, "to": one.after, "text": one.text}


def _variant(one: VariantShape) -> dict[str, object]:
    return {
        "name": one.name, "release": one.release, "capacity": one.capacity, "share": one.share, "shadow": one.shadow,
    }  # fmt: skip


def _right(one: Right, plan: str) -> dict[str, object]:
    return {
        "plan": plan,
        "who": one.who,
        "actions": list(one.actions),
        "resources": list(one.resources),
        "conditions": list(one.conditions),
        "source": one.source,
        "public": one.public,
        "cross_account": one.cross_account,
        "text": one.text,
    }


def _cost(one: Cost) -> dict[str, object]:
    return {
        "before": _number(one.before),
        "after": _number(one.after),
        "difference": _number(one.difference),
        "currency": one.currency,
        "unknown": list(one.unknown),
        "basis": one.basis,
        "notes": list(one.notes),
    }


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else round(float(amount), 4)


def is_document(value: object) -> bool:
    """Tell whether JSON is a review that was written here."""
    return isinstance(value, Mapping) and "schema_version" in value and "findings" in value and "plans" in value
