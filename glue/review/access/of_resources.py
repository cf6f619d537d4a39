"""Judges the policies of resources and the trust policies of roles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from glue.iam import PolicyError
from glue.iam.policy import Use
from glue.review.access.callers import itself
from glue.review.access.globs import TooManyError
from glue.review.access.holders import Holder
from glue.review.access.judging import Change, of_identity, of_resource, spelling_of
from glue.review.access.sentences import who
from glue.review.access.statements import EVERYTHING, Document, Rule, read_document
from glue.review.access.telling import Story

TOO_MANY = "its conditions and patterns overlap in too many ways to be compared"
_TARGETS = (
    "bucket",
    "queue_url",
    "arn",
    "resource_arn",
    "repository",
    "repository_name",
    "secret_arn",
    "key_id",
    "policy_arn",
)


def inspect(holder: Holder, story: Story, *, own: str | None, reach: str = "", name: str | None = None) -> None:
    """Note what the change of one policy gives and takes. `reach`: what who assumes a role may then do."""
    if holder.after.why is not None:
        story.cannot(holder.address, holder.after.why)
        return
    before = None
    try:
        if holder.before.text and holder.before.why is None:
            before = read_document(holder.before.text, holder.use)
    except PolicyError:
        story.notes.append(
            f"{holder.address}: the policy until now cannot be read, so all of the new one counts as gained"
        )
    try:
        after = read_document(holder.after.text, holder.use) if holder.after.text else None
    except PolicyError as error:
        story.cannot(
            holder.address, f"its {holder.attribute} is no valid policy: {error.problem}", rule="policy-invalid"
        )
        return
    judge(holder, before, after, story, own=own, reach=reach, name=name)


def judge(
    holder: Holder, before: Document | None, after: Document | None, story: Story, *, own: str | None, reach: str = "",
    name: str | None = None,
) -> None:  # fmt: skip
    """Note the difference between two documents of one holder."""
    spelling = spelling_of(before, after)
    old, new = _rules(holder, before), _rules(holder, after)
    count = len(story.groups)
    try:
        if all(rule.principals is None for rule in (*old, *new)):
            _of_whoever(holder, of_identity((old,), (new,), itself(None), spelling), story, spelling)
        else:
            change = of_resource(old, new, kind=holder.kind, own=own, spelling=spelling)
            _tell(holder, change, story, spelling, own=own, reach=reach, name=name)
    except TooManyError:
        story.cannot(holder.address, TOO_MANY)
        return
    if len(story.groups) == count and before is not None and after is not None:
        story.same.append(holder.address)


def _rules(holder: Holder, document: Document | None) -> tuple[Rule, ...]:
    """Return the statements. Without a limit everything is let through, but not by what is gone itself."""
    if document is not None:
        return document.rules
    gone = holder.resource.type == "aws_vpc_endpoint" and holder.resource.what == "delete"
    return (EVERYTHING,) if holder.kind == "limit" and not gone else ()


def _of_whoever(holder: Holder, change: Change, story: Story, spelling: Mapping[str, str]) -> None:
    """Note the change of a policy that names nobody: it is about whoever has it."""
    whoever = f"whoever {'is limited by' if holder.kind == 'limit' else 'has'} {holder.address}"
    for told, gained in ((change.gained, True), (change.lost, False)):
        story.add(
            holder.address, told, spelling, gained=gained, own=None, name=lambda _: whoever,
            limit=holder.kind == "limit", identity=holder.kind != "limit",
        )  # fmt: skip


def _tell(
    holder: Holder, change: Change, story: Story, spelling: Mapping[str, str], *, own: str | None, reach: str,
    name: str | None,
) -> None:  # fmt: skip
    """Note the change of a policy that says who it is about."""
    on = name or named(holder)
    limit = holder.kind == "limit"
    if holder.kind == "trust":
        story.add(holder.address, change.gained, spelling, gained=True, own=own, on=on, reach=reach)
        story.add(holder.address, change.lost, spelling, gained=False, own=own, on=on)
    else:
        through = (lambda caller: f"{who(caller, own)}, where other policies allow it,") if limit else None
        story.add(holder.address, change.gained, spelling, gained=True, own=own, on=on, limit=limit, name=through)
        story.add(holder.address, change.lost, spelling, gained=False, own=own, on=on, limit=limit, name=through)
        _denials(holder, change, story, spelling, own=own, on=on)


def _denials(
    holder: Holder, change: Change, story: Story, spelling: Mapping[str, str], *, own: str | None, on: str
) -> None:
    """Note what depends on the callers' own policies. Of what comes or goes as a whole nothing is said."""

    def whoever(caller: Any) -> str:
        if caller.kind in ("account", "stranger") and caller.name in (own, ""):
            return "whoever may by other policies"
        return f"{who(caller, own)}, where other policies allow it,"

    if holder.resource.what != "create" and not _target_goes(holder, story):
        story.add(holder.address, change.undenied, spelling, gained=True, own=own, on=on, name=whoever, limit=True)
    if holder.before.text is not None:
        story.add(holder.address, change.denied, spelling, gained=False, own=own, on=on, name=whoever, limit=True)


def _target_goes(holder: Holder, story: Story) -> bool:
    """Tell whether what the policy protects is destroyed in the same plan."""
    if holder.resource.what != "delete":
        return False
    before: Mapping[str, Any] = holder.resource.before or {}
    wanted = {before[key] for key in _TARGETS if isinstance(before.get(key), str)}
    own = before.get("arn")
    if own and holder.resource.type != "aws_s3_bucket_policy" and not wanted - {own}:
        return True
    gone: set[Any] = set()
    for resource in story.plan.changes:
        if resource.what == "delete" and resource.address != holder.address:
            values: Mapping[str, Any] = resource.before or {}
            gone |= {values.get(key) for key in ("id", "arn", "name", "url", "bucket", "key_id") if values.get(key)}
    return bool(wanted & gone)


def named(holder: Holder) -> str:
    """Return what a policy is of, as people name it."""
    values = holder.resource.values
    for key in ("bucket", "name", "repository", "queue_url", "arn", "resource_arn", "secret_arn", "key_id"):
        found = values.get(key)
        if isinstance(found, str) and found:
            return f"role {found}" if holder.kind == "trust" else found
    return holder.address


def document_of(statements: Iterable[Mapping[str, Any]], use: Use = "resource") -> Document | None:
    """Return the policy of statements that a resource says in attributes of its own; None when there are none.

    Raises PolicyError.
    """
    listed = list(statements)
    if not listed:
        return None
    return read_document(json.dumps({"Version": "2012-10-17", "Statement": listed}), use)
