"""One more action in the policy of any role of this repository is seen, and so is one more account in its trust."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glue.review import access, document
from glue.review.model import Part
from tests.review.access_estate import OTHER, grade, texts
from tests.review.making import SETTINGS

PLANS = Path(__file__).parent / "plans"
OWN_PLANS = ("bootstrap-first", "foundation-first")
Plan = dict[str, Any]


def applied(name: str) -> Plan:
    """Return a plan that changes nothing in what another one makes."""
    plan: Plan = json.loads(gzip.decompress((PLANS / f"{name}.json.gz").read_bytes()))
    for one in plan["resource_changes"]:
        values = one["change"]["after"]
        one["change"] |= {"actions": ["no-op"], "before": values, "after": values, "after_unknown": {}}
    return plan


def holders() -> Iterator[tuple[str, str, str]]:
    """Yield the policies and trust policies of all roles: plan, address, attribute."""
    for name in OWN_PLANS:
        for one in applied(name)["resource_changes"]:
            for kind, attribute in (("aws_iam_role_policy", "policy"), ("aws_iam_role", "assume_role_policy")):
                if one["type"] == kind and isinstance(one["change"]["after"].get(attribute), str):
                    yield name, one["address"], attribute


HOLDERS = list(holders())


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    return {name: applied(name) for name in OWN_PLANS}


def with_statement(plan: Plan, address: str, attribute: str, statement: dict[str, Any]) -> Part:
    """Return what is said when one statement is added to one policy."""
    changes = []
    for one in plan["resource_changes"]:
        changed = one
        if one["address"] == address:
            policy = json.loads(one["change"]["before"][attribute])
            policy["Statement"] = [*policy["Statement"], statement]
            after = one["change"]["before"] | {attribute: json.dumps(policy)}
            changed = one | {"change": one["change"] | {"actions": ["update"], "after": after}}
        changes.append(changed)
    text = json.dumps(plan | {"resource_changes": changes})
    return access.inspect(document.read(text.encode(), name="plan.json"), SETTINGS)


def test_the_roles_are_there() -> None:
    words = " ".join(address for _, address, _ in HOLDERS)
    assert len(HOLDERS) >= 14
    assert all(name in words for name in ("deploy-foundation", "deploy-serving", "plan", "promote", "train", "prune"))


@pytest.mark.parametrize(("name", "address", "attribute"), HOLDERS, ids=[f"{one[1]} {one[2]}" for one in HOLDERS])
def test_one_more_right_is_seen(plans: dict[str, Plan], name: str, address: str, attribute: str) -> None:
    if attribute == "policy":
        more = {"Effect": "Allow", "Action": "s3:GetBucketLogging", "Resource": "arn:aws:s3:::elsewhere"}
        words = "s3:GetBucketLogging on s3 elsewhere"
    else:
        more = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": OTHER}}
        words = f"account {OTHER} can newly become role"
    part = with_statement(plans[name], address, attribute, more)
    said = texts(part, gained=True)
    assert said
    assert all(words in text for text in said)
    assert grade(part) == "high"


@pytest.mark.parametrize("name", OWN_PLANS)
def test_nothing_changes_nothing(plans: dict[str, Plan], name: str) -> None:
    part = access.inspect(document.read(json.dumps(plans[name]).encode(), name="plan.json"), SETTINGS)
    assert part.findings == ()
    assert part.access is not None
    assert (part.access.gained, part.access.lost, part.access.unjudged) == ((), (), ())
