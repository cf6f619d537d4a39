"""The review's part about access."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from glue.review.access import elsewhere, handing, of_resources, openings
from glue.review.access.holders import Holder, Reader
from glue.review.access.identities import Builder, Estate
from glue.review.access.of_identities import People, reach_of
from glue.review.access.telling import Story
from glue.review.model import AccessChange, Part, Settings
from glue.review.plan import Plan
from glue.review.rules import Rules

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_OF_ACCOUNT = re.compile(r"arn:[^:]*:iam::(\d{12}):", re.ASCII)


def inspect(plan: Plan, settings: Settings) -> Part:
    """Return who can newly do what on what, who no longer can, and what cannot be judged, with findings."""
    reader = Reader(plan)
    story = Story(plan, settings)
    before, after = Builder(reader, after=False).build(), Builder(reader, after=True).build()
    account = _only_account(reader)
    for holder in reader.holders():
        own = plan.account_of(holder.resource) or account
        if holder.kind == "trust":
            _trust(holder, story, after, own)
        else:
            of_resources.inspect(holder, story, own=own)
    People(before, after, story).inspect()
    openings.inspect(reader, story, account)
    handing.inspect(reader, story, account)
    elsewhere.inspect(reader, story)
    return story.part()


def _trust(holder: Holder, story: Story, after: Estate, own: str | None) -> None:
    entity = next((one for one in after.people.values() if one.address == holder.address), None)
    name = f"role {entity.key[2]}" if entity else None
    reach = reach_of(after, entity) if entity and holder.before.text is not None else ""
    of_resources.inspect(holder, story, own=own, reach=reach, name=name)


def _only_account(reader: Reader) -> str | None:
    """Return the account of everything in the plan when nothing but one is spoken of: by providers, ARNs, variables."""
    iam = [resource for resource in reader.resources if resource.type.startswith("aws_iam_")]
    said = {account for resource in iam if (account := reader.plan.account_of(resource))}
    if not said:
        named = [
            resource.values.get(name) for resource in iam for name in ("permissions_boundary", "policy_arn", "arn")
        ]
        said = {match.group(1) for text in named if isinstance(text, str) and (match := _OF_ACCOUNT.match(text))}
    if not said:
        said = set(_account_ids(reader.plan.variables, 4))
    return said.pop() if len(said) == 1 else None


def _account_ids(value: object, depth: int) -> Iterator[str]:
    """Yield what variables call the account."""
    if isinstance(value, Mapping) and depth:
        for name, inner in value.items():
            if name in ("account_id", "aws_account_id") and isinstance(inner, str) and _ACCOUNT.fullmatch(inner):
                yield inner
            yield from _account_ids(inner, depth - 1)


def compare(plan: Plan) -> AccessChange:
    """Return only who gained and lost what."""
    from datetime import date  # noqa: PLC0415

    part = inspect(plan, Settings(today=date.min, rules=Rules.load()))
    return part.access or AccessChange()
