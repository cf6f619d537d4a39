"""No plan that destroys a live endpoint, or lets anybody do more, is graded below high: however it is made up."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from glue.review.model import Grade
from tests.review.golden import DIFFERENT, NAMES, data, document, review_of, reviewed

ROUNDS = 20
SMALL = [
    name for name in NAMES if name.startswith(("plain", "prefix", "policy", "hugging", "fixed", "grants", "key-sh"))
]
SERVING = [name for name in NAMES if name != "fifty" and b'"aws_sagemaker_endpoint"' in data(name)]
DESTROYING = (["delete"], ["delete", "create"], ["create", "delete"])
POLICIES = ("policy", "assume_role_policy", "access_policy")
MORE: list[dict[str, Any]] = [
    {"Action": "s3:GetObject", "Resource": "*"},
    {"Action": "s3:*", "Resource": "arn:aws:s3:::nobodys-bucket-yet/*"},
    {"Action": ["iam:PassRole", "sts:AssumeRole"], "Resource": "*"},
    {"NotAction": ["iam:*"], "Resource": "*"},
    {"Action": "dynamodb:Get?tem", "NotResource": "arn:aws:dynamodb:*:*:table/private"},
    {"Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    {"Action": "sagemaker:DeleteEndpoint", "Resource": "arn:aws:sagemaker:eu-west-1:333333333333:endpoint/*"},
    {"action": "kms:Decrypt", "Resource": "*"},
]


def small(name: str) -> bool:
    """Tell whether a plan can be reviewed many times."""
    return len(data(name)) < 50_000


def destroyed(entry: dict[str, Any], actions: list[str]) -> None:
    """Make an entry a destruction, as Terraform writes it."""
    change = entry["change"]
    change["before"] = change["before"] or change["after"]
    change["after"] = change["after"] or change["before"]
    change["actions"] = list(actions)
    change["before_sensitive"] = {}
    if actions == ["delete"]:
        change["after"], change["after_unknown"], change["after_sensitive"] = None, {}, False


def noise(changed: dict[str, Any], chance: random.Random) -> None:
    """Change what must not matter: order, what else is planned, tags, where it all lies."""
    entries = changed["resource_changes"]
    chance.shuffle(entries)
    for entry in entries:
        for side in ("before", "after"):
            values = entry["change"][side]
            if values and chance.random() < 0.3 and entry["change"]["actions"] != ["no-op"]:
                values["tags"] = {"seed": str(chance.random())}
    if chance.random() < 0.5:
        changed.pop("configuration", None)
    if chance.random() < 0.5:
        changed.pop("prior_state", None)
    changed.pop("planned_values", None)


@pytest.mark.parametrize("name", SERVING)
def test_a_destroyed_endpoint_is_forbidden_whatever_is_around_it(name: str) -> None:
    chance = random.Random(f"destroy {name}")  # noqa: S311
    whole = document(name)
    targets = [
        at for at, one in enumerate(whole.get("resource_changes", ())) if one["type"] == "aws_sagemaker_endpoint"
    ]
    for at in targets[:2]:
        for actions in DESTROYING if small(name) else [chance.choice(DESTROYING)]:
            changed = copy.deepcopy(whole)
            destroyed(changed["resource_changes"][at], actions)
            noise(changed, chance)
            assert review_of(changed).grade is Grade.FORBIDDEN, (name, at, actions)


def policies(whole: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield where a known policy of the plan stands after it."""
    for at, entry in enumerate(whole.get("resource_changes", ())):
        after = entry["change"]["after"] or {}
        for attribute in POLICIES:
            if isinstance(after.get(attribute), str) and '"Statement"' in after[attribute]:
                yield at, attribute


def widened(entry: dict[str, Any], attribute: str, more: dict[str, Any]) -> bool:
    """Let a policy of an entry allow more than before; tell whether it is more than it allowed already."""
    change = entry["change"]
    found = json.loads(change["after"][attribute])
    statements = found["Statement"] if isinstance(found["Statement"], list) else [found["Statement"]]
    earlier = str((change["before"] or {}).get(attribute))
    if any(one.get("Effect") == "Deny" for one in statements) or '"*"' in json.dumps(statements) + earlier:
        return False  # what is denied, or allowed, already: not surely more
    own = attribute == "assume_role_policy" or entry["type"] not in {"aws_iam_role_policy", "aws_iam_policy"}
    added: dict[str, Any] = {"Effect": "Allow"} | more
    if own:
        added = {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
            "Action": statements[0]["Action"],
        }
        if "Resource" in statements[0]:
            added["Resource"] = statements[0]["Resource"]
    found["Statement"] = [*statements, added]
    change["after"] = {**change["after"], attribute: json.dumps(found)}
    if change["actions"] == ["no-op"]:
        change["actions"] = ["update"]
    return True


POLICIED = [name for name in DIFFERENT if any(policies(document(name)))]


@pytest.mark.parametrize("name", POLICIED)
def test_a_policy_that_lets_do_more_is_high_at_least(name: str) -> None:
    chance = random.Random(f"widen {name}")  # noqa: S311
    whole = document(name)
    places = list(policies(whole))
    for _ in range(3 if small(name) else 1):
        changed = copy.deepcopy(whole)
        at, attribute = chance.choice(places)
        entry = changed["resource_changes"][at]
        if not widened(entry, attribute, chance.choice(MORE)):
            continue
        address = entry["address"]
        noise(changed, chance)
        found = review_of(changed)
        assert found.grade >= Grade.HIGH, (address, attribute, entry["change"]["after"][attribute])
        more = {right.text for right in found.access.gained} - {right.text for right in reviewed(name).access.gained}
        assert more or found.access.unjudged or attribute == "policy", address


def joined(parts: list[dict[str, Any]], chance: random.Random) -> dict[str, Any]:
    """Return one plan that does all that some plans do, each in a module of its own."""
    whole = copy.deepcopy(parts[0]) | {"resource_changes": [], "resource_drift": [], "output_changes": {}}
    for dropped in ("planned_values", "prior_state", "configuration", "relevant_attributes"):
        whole.pop(dropped, None)
    for number, one in enumerate(parts):
        for kind in ("resource_changes", "resource_drift"):
            for entry in copy.deepcopy(one.get(kind, [])):
                entry["address"] = f"module.part{number}.{entry['address']}"
                entry["module_address"] = f"module.part{number}" + (
                    f".{entry['module_address']}" if entry.get("module_address") else ""
                )
                if entry.get("previous_address"):
                    entry["previous_address"] = f"module.part{number}.{entry['previous_address']}"
                whole[kind].append(entry)
    chance.shuffle(whole["resource_changes"])
    return whole


def test_a_plan_of_several_is_as_grave_as_the_gravest() -> None:
    chance = random.Random("several")  # noqa: S311
    grave = [name for name in SMALL if reviewed(name).grade >= Grade.HIGH]
    for _ in range(ROUNDS):
        names = [*chance.sample(SMALL, 2), chance.choice(grave)]
        found = review_of(joined([document(name) for name in names], chance))
        wanted = max(reviewed(name).grade for name in names)
        # what only the configuration or the state before told is not known here; never less than high for all that
        assert found.grade >= min(wanted, Grade.HIGH), names
