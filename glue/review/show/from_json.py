"""Reads reviews back from their JSON document: a pipeline's last job shows what others reviewed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from glue.errors import UsageError
from glue.review.model import (
    AccessChange,
    Changed,
    Cost,
    EndpointChange,
    FieldChange,
    Finding,
    Grade,
    Review,
    Right,
    Rollback,
    Traffic,
    Unjudged,
    VariantShape,
    Waiver,
)
from glue.review.show.as_json import VERSION

Json = Mapping[str, Any]


def reviews(document: Json, *, name: str) -> tuple[Review, ...]:
    """Return the reviews of a document. Raises UsageError when it is not one of this version, or contradicts itself."""
    if document.get("schema_version") != VERSION:
        raise UsageError(
            f"{name} is a review of version {document.get('schema_version')!r}, and this command reads {VERSION}",
            remedy="Review the plan again with this version of the command.",
        )
    try:
        found = tuple(_review(document, plan) for plan in document["plans"])
        grades = [review.grade for review in found] + [one.grade for review in found for one in review.findings]
        worst = max(grades, default=Grade.NONE)
        told = Grade.of(document["grade"])
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UsageError(
            f"{name} looks like a review, but is broken: {type(error).__name__} {error}"[:300],
            remedy="Review the plan again: `slipway review PLAN --format json`.",
        ) from error
    if told < worst or sum(len(one.findings) for one in found) != len(document["findings"]):
        raise UsageError(
            f"{name} contradicts itself: its grade is {told.word}, and what it holds is {worst.word}",
            remedy="Review the plan again: `slipway review PLAN --format json`.",
        )
    return found


def _review(document: Json, plan: Json) -> Review:
    name = str(plan["name"])

    def mine(entries: Any) -> list[Json]:
        return [entry for entry in entries if entry["plan"] == name]

    access = document["access"]
    return Review(
        name=name,
        digest=str(plan["digest"]),
        grade=Grade.of(plan["grade"]),
        findings=tuple(_finding(one) for one in mine(document["findings"])),
        endpoints=tuple(_endpoint(one) for one in mine(document["endpoints"])),
        access=AccessChange(
            gained=tuple(_right(one) for one in mine(access["gained"])),
            lost=tuple(_right(one) for one in mine(access["lost"])),
            unjudged=tuple(Unjudged(str(one["resource"]), str(one["why"])) for one in mine(access["unjudged"])),
        ),
        cost=_cost(plan["cost"]),
        counts={str(key): int(count) for key, count in plan["counts"].items()},
        folded=_texts(plan["folded"]),
        drift=_texts(plan["drift"]),
        outputs=_texts(plan["outputs"]),
        sure=plan["sure"] is True,
        notes=_texts(plan["notes"]),
        changes=tuple(
            Changed(str(one["address"]), str(one["type"]), str(one["what"]), _texts(one["attributes"]))
            for one in plan["changes"]
        ),
        terraform_version=str(plan["terraform_version"] or ""),
    )


def _finding(one: Json) -> Finding:
    found = Finding(
        rule=str(one["rule"]),
        grade=Grade.of(one["grade"]),
        resource=str(one["resource"]),
        message=str(one["message"]),
        remedy=str(one["remedy"]),
        details=_texts(one["details"]),
        endpoint=_text(one["endpoint"]),
    )
    waiver = one["exception"]
    if waiver is None:
        return found
    exception = Waiver(
        rule=str(waiver["rule"]),
        resource=str(waiver["resource"]),
        owner=str(waiver["owner"]),
        reason=str(waiver["reason"]),
        expires=date.fromisoformat(waiver["expires"]),
    )
    return replace(found, exception=exception)


def _endpoint(one: Json) -> EndpointChange:
    traffic, rollback = one["traffic"], one["rollback"]
    return EndpointChange(
        endpoint=str(one["endpoint"]),
        resource=str(one["resource"]),
        action=str(one["action"]),
        before=_text(one["from"]),
        after=_text(one["to"]),
        releases_before=_texts(one["releases"]["from"]),
        releases_after=_texts(one["releases"]["to"]),
        changes=tuple(
            FieldChange(
                str(field["what"]),
                _text(field["variant"]),
                _text(field["from"]),
                _text(field["to"]),
                str(field["text"]),
            )
            for field in one["changes"]
        ),
        variants_before=tuple(_variant(shape) for shape in one["variants"]["from"]),
        variants_after=tuple(_variant(shape) for shape in one["variants"]["to"]),
        traffic=Traffic(
            kind=str(traffic["kind"]),
            text=str(traffic["text"]),
            minutes_least=_number(traffic["minutes_least"]),
            minutes_most=_number(traffic["minutes_most"]),
            steps=tuple((float(minute), float(percent)) for minute, percent in traffic["steps"]),
        ),
        rollback=Rollback(one_line=rollback["one_line"] is True, text=str(rollback["text"])),
        scales_in=_texts(one["scales_in"]),
        interrupts=_texts(one["interrupts"]),
        cost=_cost(one["cost"]),
        text=str(one["text"]),
    )


def _variant(one: Json) -> VariantShape:
    share = _number(one["share"])
    return VariantShape(str(one["name"]), _text(one["release"]), str(one["capacity"]), share, one["shadow"] is True)


def _right(one: Json) -> Right:
    return Right(
        who=str(one["who"]),
        actions=_texts(one["actions"]),
        resources=_texts(one["resources"]),
        conditions=_texts(one["conditions"]),
        source=str(one["source"]),
        public=one["public"] is not False,
        cross_account=one["cross_account"] is not False,
        text=str(one["text"]),
    )


def _cost(one: Json) -> Cost:
    before, after, difference = (
        None if one[key] is None else Decimal(str(one[key])) for key in ("before", "after", "difference")
    )
    texts = _texts(one["unknown"]), str(one["basis"]), _texts(one["notes"])
    return Cost(before, after, difference, str(one["currency"]), *texts)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"a list of texts is {type(values).__name__}")
    return tuple(str(value) for value in values)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
