"""The semantic digest: equal for plans that do the same, another for everything that differs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from glue.core import semantic, slim

pytestmark = pytest.mark.slow

PROVIDERS = {"registry.terraform.io/hashicorp/aws": "5.100.0"}
Plan = dict[str, Any]


def update() -> Plan:
    return {
        "address": "module.endpoint.aws_sagemaker_endpoint.this",
        "mode": "managed",
        "type": "aws_sagemaker_endpoint",
        "name": "this",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": ["update"],
            "before": {"config": "r1", "tags": None, "stages": ["a", "b"], "arn": "arn:1", "key": "hidden-one"},
            "after": {"config": "r2", "tags": None, "stages": ["a", "b"], "key": "hidden-one"},
            "after_unknown": {"arn": True, "stages": [False, False]},
            "before_sensitive": {"key": True},
            "after_sensitive": {"key": True},
        },
    }


def plan() -> Plan:
    alarm = {
        "address": "aws_cloudwatch_metric_alarm.this",
        "mode": "managed",
        "type": "aws_cloudwatch_metric_alarm",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": ["create"],
            "before": None,
            "after": {"threshold": 5, "flag": False},
            "after_unknown": {},
        },
    }
    quiet = {
        "address": "aws_iam_role.this",
        "type": "aws_iam_role",
        "change": {"actions": ["no-op"], "before": {"name": "x"}, "after": {"name": "x"}},
    }
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "timestamp": "2026-11-21T12:00:00Z",
        "variables": {"live": {"value": "r2"}},
        "resource_changes": [update(), alarm, quiet],
        "resource_drift": [],
        "output_changes": {"config": {"actions": ["update"], "before": "r1", "after": "r2", "after_unknown": False}},
    }


def digest(found: Plan, scope: str = "qa/serving/ranker", providers: dict[str, str] | None = None) -> str:
    hidden = slim.secrets(found, scope=scope)
    return semantic.digest(slim.slim(found), scope=scope, providers=providers or PROVIDERS, secrets=hidden)


def changed(edit: Callable[[Plan], object]) -> str:
    found = plan()
    edit(found)
    return digest(found)


def of_update(found: Plan) -> Plan:
    change: Plan = found["resource_changes"][0]["change"]
    return change


SAME: dict[str, Callable[[Plan], object]] = {
    "time": lambda p: p.update(timestamp="2027-01-01T00:00:00Z"),
    "order of resources": lambda p: p["resource_changes"].reverse(),
    "order of keys": lambda p: p.update(resource_changes=json.loads(json.dumps(p["resource_changes"], sort_keys=True))),
    "drift that was noticed": lambda p: p.update(resource_drift=[update()]),
    "a null and an absent value": lambda p: of_update(p)["after"].pop("tags"),
    "null that AWS gives back as empty": lambda p: of_update(p)["before"].update(tags={}),
    "what does not change": lambda p: p["resource_changes"].pop(),
    "unknown said in another way": lambda p: of_update(p).update(after_unknown={"arn": True}),
    "a variable of no consequence": lambda p: p["variables"].clear(),
}
OTHER: dict[str, Callable[[Plan], object]] = {
    "a value that will be": lambda p: of_update(p)["after"].update(config="r3"),
    "a value that was": lambda p: of_update(p)["before"].update(config="r0"),
    "the order of a list": lambda p: of_update(p)["after"].update(stages=["b", "a"]),
    "a list that grows": lambda p: of_update(p)["after"].update(stages=["a", "b", "b"]),
    "null and empty that will be": lambda p: of_update(p)["after"].update(tags={}),
    "false and absent": lambda p: p["resource_changes"][1]["change"]["after"].pop("flag"),
    "false and zero": lambda p: p["resource_changes"][1]["change"]["after"].update(flag=0),
    "text and number": lambda p: p["resource_changes"][1]["change"]["after"].update(threshold="5"),
    "unknown that is known": lambda p: of_update(p).update(after_unknown={}),
    "known that is unknown": lambda p: of_update(p).update(after_unknown={"arn": True, "config": True}),
    "a text that says unknown": lambda p: (
        of_update(p)["after"].update(arn=["unknown"]), of_update(p).update(after_unknown={})
    ),
    "an action": lambda p: of_update(p).update(actions=["delete", "create"]),
    "the order of a replacement": lambda p: of_update(p).update(actions=["create", "delete"]),
    "an address": lambda p: p["resource_changes"][0].update(address="module.endpoint.aws_sagemaker_endpoint.that"),
    "a move": lambda p: p["resource_changes"][2].update(previous_address="aws_iam_role.that"),
    "an import": lambda p: p["resource_changes"][2]["change"].update(importing={"id": "x"}),
    "a deposed object": lambda p: p["resource_changes"][0].update(deposed="0badcafe"),
    "one change more": lambda p: p["resource_changes"].append({**update(), "address": "a.b"}),
    "one change less": lambda p: p["resource_changes"].pop(0),
    "an output": lambda p: p["output_changes"]["config"].update(after="r3"),
    "Terraform's version": lambda p: p.update(terraform_version="1.12.0"),
    "another provider": lambda p: p["resource_changes"][0].update(provider_name="example.com/other/aws"),
    "an action of a newer format": lambda p: p.update(action_invocations=[{"address": "action.x"}]),
    "a secret": lambda p: of_update(p)["after"].update(key="hidden-two"),
    "a secret on both sides": lambda p: (
        of_update(p)["after"].update(key="hidden-two"), of_update(p)["before"].update(key="hidden-two")
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(SAME))
def test_the_same_meaning_has_the_same_digest(what: str) -> None:
    assert changed(SAME[what]) == digest(plan())


@pytest.mark.parametrize("what", sorted(OTHER))
def test_another_meaning_has_another_digest(what: str) -> None:
    assert changed(OTHER[what]) != digest(plan())


def test_every_other_meaning_has_a_digest_of_its_own() -> None:
    assert len({changed(edit) for edit in OTHER.values()}) == len(OTHER)


def test_a_plan_means_something_in_its_stack_with_its_providers_only() -> None:
    assert digest(plan(), scope="production/serving/ranker") != digest(plan())
    assert digest(plan(), providers={"registry.terraform.io/hashicorp/aws": "5.101.0"}) != digest(plan())


def leaky() -> Plan:
    found = plan()
    of_update(found)["after"].update(url="https://me:hidden-one@example.com", note="hidden-one")
    found["variables"]["password"] = {"value": "from-outside"}
    found["configuration"] = {
        "root_module": {
            "variables": {"password": {"sensitive": True, "default": "by-default"}},
            "resources": [{"address": "a.b", "expressions": {"x": {"constant_value": "hidden-one and more"}}}],
        }
    }
    found["prior_state"] = {
        "values": {
            "outputs": {"token": {"value": "told-before", "sensitive": True}},
            "root_module": {
                "resources": [{"address": "a.b", "values": {"p": "state-secret"}, "sensitive_values": {"p": True}}],
                "child_modules": [{"resources": [{"address": "c", "values": {"n": ["state-secret"]}}]}],
            },
        }
    }
    found["planned_values"] = {"root_module": {"resources": [{"values": {"p": "hidden-one"}}]}}
    found["output_changes"]["token"] = {
        "actions": ["create"], "before": None, "after": {"t": "out-secret"}, "after_sensitive": True,
    }  # fmt: skip
    return found


def test_no_secret_is_in_a_slim_plan_in_any_form() -> None:
    found = leaky()
    before = copy.deepcopy(found)
    text = json.dumps(slim.slim(found))
    for secret in ("hidden-one", "from-outside", "by-default", "told-before", "state-secret", "out-secret"):
        assert secret not in text
    assert found == before
    assert slim.SENSITIVE in text


def test_a_secret_that_changes_is_told_from_one_that_does_not() -> None:
    found = plan()
    assert slim.slim(found)["resource_changes"][0]["change"]["after"]["key"] == slim.SENSITIVE
    of_update(found)["after"]["key"] = "hidden-two"
    assert slim.slim(found)["resource_changes"][0]["change"]["after"]["key"] == slim.CHANGED


def test_the_digest_of_secrets_is_salted_and_there_only_with_secrets() -> None:
    found = plan()
    assert slim.secrets(found, scope="a") != slim.secrets(found, scope="b")
    of_update(found).update(before_sensitive={}, after_sensitive={})
    assert slim.secrets(found, scope="a") is None
