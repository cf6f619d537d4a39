"""Rules that delete by themselves: S3 and ECR lifecycles, time to live. A shorter or wider one deletes data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue.review.around import Around
from glue.review.model import Finding, Grade, Settings
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.strength import at
from glue.review.values import normal

_KINDS = (
    ("expiration", "days", "objects"),
    ("expiration", "date", "objects"),
    ("noncurrent_version_expiration", "noncurrent_days", "noncurrent versions"),
    ("noncurrent_version_expiration", "days", "noncurrent versions"),
)


def findings(change: Resource, around: Around, settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each rule that deletes more, or sooner, than before."""
    if change.what not in ("create", "update", "replace"):
        return
    if change.type == "aws_s3_bucket_lifecycle_configuration":
        yield from _of_bucket(change, "rule", around, settings)
    elif change.type in ("aws_s3_bucket", "google_storage_bucket"):
        yield from _of_bucket(change, "lifecycle_rule", around, settings)
    elif change.type == "aws_ecr_lifecycle_policy" and any(path[0] == "policy" for path in change.changed()):
        message = "images may expire: releases that endpoints still need cannot be started any more"
        yield settings.rules.finding("lifecycle-deletes", resource=change.address, message=message)
    elif change.type == "aws_dynamodb_table" and change.what != "create":
        yield from _time_to_live(change, around.plan, settings)


def _time_to_live(change: Resource, plan: Plan, settings: Settings) -> Iterator[Finding]:
    was, will = (at(values, ("ttl", 0, "enabled")) for values in (change.before, change.after))
    if will is True and was is not True:
        name = plan.show(at(change.after, ("ttl", 0, "attribute_name")) or "?")
        message = f"time to live is switched on: items are deleted by their attribute {name}"
        yield settings.rules.finding("lifecycle-deletes", resource=change.address, message=message)


def _of_bucket(change: Resource, block: str, around: Around, settings: Settings) -> Iterator[Finding]:
    if change.what == "create" and around.new_bucket(change):
        return
    if change.has_unknown(block):
        message = "the rules of the lifecycle are known only after the apply"
        yield settings.rules.finding("lifecycle-deletes", resource=change.address, message=message)
    before, after = (_rules(values, block) for values in (change.before, change.after))
    for name, rule in after.items():
        yield from _of_rule(change, around.plan, settings, before.get(name), rule)


def _of_rule(
    change: Resource, plan: Plan, settings: Settings, old: Mapping[str, Any] | None, new: Mapping[str, Any]
) -> Iterator[Finding]:
    old_prefix, new_prefix = _prefix(old), _prefix(new)
    wider = old is not None and old_prefix != new_prefix
    for kind, unit, what in _KINDS:
        was, will = _limit(old, kind, unit), _limit(new, kind, unit)
        if will is None or (was is not None and not wider and not _sooner(was, will)):
            continue
        where = f"below {plan.show(new_prefix)}" if new_prefix else "of the whole bucket"
        span = f"after {will} days" if unit != "date" else f"on {plan.show(will)}"
        before = f" (before: {plan.show(was)})" if was is not None else ""
        whole = not new_prefix and what == "objects"
        yield settings.rules.finding(
            "lifecycle-deletes",
            resource=change.address,
            message=f"{what} {where} are deleted {span}{before}",
            grade=Grade.HIGH if whole else None,
        )


def _sooner(was: Any, will: Any) -> bool:
    if isinstance(was, int | float) and isinstance(will, int | float):
        return will < was
    return bool(was != will)


def _rules(values: Mapping[str, Any] | None, block: str) -> dict[str, Mapping[str, Any]]:
    """Return the rules that are on, by id."""
    rules = (values or {}).get(block)
    found = [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    return {
        str(rule.get("id") or f"#{number}"): rule
        for number, rule in enumerate(found)
        if rule.get("status", "Enabled") == "Enabled" and rule.get("enabled", True) is not False
    }


def _limit(rule: Mapping[str, Any] | None, kind: str, unit: str) -> Any:
    value = normal(at(rule, (kind, 0, unit)))
    return None if value == 0 else value


def _prefix(rule: Mapping[str, Any] | None) -> str:
    for path in (("filter", 0, "prefix"), ("filter", 0, "and", 0, "prefix"), ("prefix",)):
        value = at(rule, path)
        if isinstance(value, str) and value:
            return value
    tagged = normal(at(rule, ("filter", 0, "tag"))) or normal(at(rule, ("filter", 0, "and", 0, "tags")))
    return "a tag" if tagged else ""
