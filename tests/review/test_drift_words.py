"""What of a plan is drift and what is pending, in words; plans are made here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glue.core.truth import Truth
from glue.drifting import UNDER_WAY, orphans, with_truth
from glue.review.document import read
from glue.review.drift_words import Differences, differences

TARGET = "aws_appautoscaling_target.main"


def entry(address: str, actions: list[str], before: Any, after: Any) -> dict[str, Any]:
    kind, name = address.split(".")
    return {
        "address": address, "mode": "managed", "type": kind, "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": {},
                   "before_sensitive": {}, "after_sensitive": {}},
    }  # fmt: skip


def said(drift: list[dict[str, Any]], changes: list[dict[str, Any]]) -> Differences:
    document = {
        "format_version": "1.2", "terraform_version": "1.11.4", "resource_drift": drift, "resource_changes": changes,
        "planned_values": {"root_module": {"resources": [
            {"address": it["address"], "mode": "managed", "type": it["type"], "name": it["name"],
             "values": it["change"]["after"], "sensitive_values": {}}
            for it in changes if it["change"]["after"] is not None
        ]}},
    }  # fmt: skip
    return differences(read(json.dumps(document).encode(), name="made.json"))


def test_a_change_by_hand_is_told_with_both_values_and_what_an_apply_does() -> None:
    drift = entry(TARGET, ["update"], {"max_capacity": 3, "min_capacity": 1}, {"max_capacity": 9, "min_capacity": 1})
    back = entry(TARGET, ["update"], {"max_capacity": 9, "min_capacity": 1}, {"max_capacity": 3, "min_capacity": 1})
    assert said([drift], [back]) == Differences(
        (f"{TARGET}: changed outside of Terraform: max_capacity 3 → 9; an apply takes it back",)
    )
    kept = entry(TARGET, ["no-op"], {"max_capacity": 9}, {"max_capacity": 9})
    assert said([drift], [kept]).drift[0].endswith("an apply leaves it as it is")


def test_what_was_removed_and_comes_back_is_drift_alone() -> None:
    gone = entry(TARGET, ["delete"], {"max_capacity": 3}, None)
    anew = entry(TARGET, ["create"], None, {"max_capacity": 3})
    assert said([gone], [anew]) == Differences((f"{TARGET}: removed outside of Terraform; an apply makes it anew",))


def test_a_change_that_nobody_applied_is_pending() -> None:
    wanted = entry(TARGET, ["update"], {"max_capacity": 3}, {"max_capacity": 5})
    alarm = entry("aws_cloudwatch_metric_alarm.a", ["create"], None, {"alarm_name": "a"})
    assert said([], [wanted, alarm]).pending == (
        "1 aws_cloudwatch_metric_alarm would be created",
        "1 aws_appautoscaling_target would be changed",
    )


def test_a_change_beyond_the_drift_is_both() -> None:
    drift = entry(TARGET, ["update"], {"max_capacity": 3, "min_capacity": 1}, {"max_capacity": 9, "min_capacity": 1})
    more = entry(TARGET, ["update"], {"max_capacity": 9, "min_capacity": 1}, {"max_capacity": 3, "min_capacity": 2})
    found = said([drift], [more])
    assert (len(found.drift), found.pending) == (1, ("1 aws_appautoscaling_target would be changed",))
    replaced = entry(TARGET, ["delete", "create"], {"max_capacity": 9}, {"max_capacity": 3})
    assert said([drift], [replaced]).pending == ("1 aws_appautoscaling_target would be replaced",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"tags": None}, {"tags": {}}),
        ({"vpc": []}, {"vpc": None}),
        ({"description": ""}, {"description": None}),
        ({"last_modified": "2026-11-20"}, {"last_modified": "2026-11-21"}),
    ],
)
def test_what_means_nothing_is_no_drift(before: dict[str, Any], after: dict[str, Any]) -> None:
    noise = entry("aws_lambda_function.f", ["update"], before, after)
    assert said([noise], [entry("aws_lambda_function.f", ["no-op"], after, after)]) == Differences()


ROLE = {"name": "r", "inline_policy": [], "managed_policy_arns": None}
POLICY = {"name": "own", "policy": "{}"}


def mirrored(*inline: dict[str, str]) -> Differences:
    """A role that was recorded before its policy was made, and what is on it by now."""
    drift = entry("aws_iam_role.r", ["update"], ROLE, {**ROLE, "inline_policy": list(inline)})
    own = {"role": "r", **POLICY}
    return said([drift], [entry("aws_iam_role_policy.own", ["no-op"], own, own)])


def test_what_another_resource_set_is_an_echo_and_what_none_set_is_drift() -> None:
    assert mirrored(POLICY) == Differences()
    by_hand = mirrored(POLICY, {"name": "by-hand", "policy": "{}"}).drift
    assert len(by_hand) == 1
    assert "inline_policy.1 added" in by_hand[0]


@pytest.mark.parametrize(("sibling", "drifts"), [("aws_s3_bucket_policy", False), ("aws_s3_bucket_versioning", True)])
def test_a_bucket_echoes_only_what_a_resource_of_the_plan_sets(sibling: str, drifts: bool) -> None:
    drift = entry("aws_s3_bucket.b", ["update"], {"bucket": "b", "policy": ""}, {"bucket": "b", "policy": "x" * 99})
    own = entry(f"{sibling}.b", ["no-op"], {"bucket": "b"}, {"bucket": "b"})
    found = said([drift], [own]).drift
    assert bool(found) == drifts
    assert all("policy added" in text for text in found)
    elsewhere = entry(f"{sibling}.b", ["no-op"], {"bucket": "other"}, {"bucket": "other"})
    assert said([drift], [elsewhere]).drift
    only_planned = entry(f"{sibling}.b", ["create"], None, {"bucket": "b"})
    assert said([drift], [only_planned]).drift


def test_an_attached_policy_is_an_echo_only_with_its_attachment() -> None:
    arn = "arn:aws:iam::111111111111:policy/p"
    drift = entry("aws_iam_role.r", ["update"], ROLE, {**ROLE, "managed_policy_arns": [arn]})
    own = {"role": "r", "policy_arn": arn}
    assert said([drift], [entry("aws_iam_role_policy_attachment.a", ["no-op"], own, own)]) == Differences()
    assert said([drift], []).drift


def test_secrets_and_odd_names_do_not_get_out() -> None:
    drift = entry("aws_lambda_function.f", ["update"], {"password": "hunter2hunter2"}, {"password": "swordfish99"})
    drift["change"]["before_sensitive"] = drift["change"]["after_sensitive"] = {"password": True}
    text = said([drift], [entry("aws_lambda_function.f", ["no-op"], {}, {})]).drift[0]
    assert "(sensitive)" in text
    assert not {word for word in ("hunter2hunter2", "swordfish99") if word in text}


def test_many_differences_of_one_resource_are_counted() -> None:
    before, after = ({f"a{number}": side for number in range(9)} for side in (1, 2))
    text = said([entry(TARGET, ["update"], before, after)], [entry(TARGET, ["no-op"], after, after)]).drift[0]
    assert "a0 1 → 2, a1 1 → 2, a2 1 → 2, a3 1 → 2, 5 more" in text


def truth(state: str) -> Truth:
    return Truth("slipway-qa-ranker", state, "r1", "r2", "c", "InService", reasons=("it serves another config",))


def test_the_truth_check_adds_what_a_plan_cannot_see() -> None:
    assert with_truth(("a",), (), None) == (("a",), ())
    assert with_truth((), (), truth("true")) == ((), ())
    assert with_truth((), (), truth("false")) == (("it serves another config",), ())
    assert with_truth((), ("b",), truth("false")) == ((), ("b",))
    assert with_truth((), (), truth("pending")) == ((), (UNDER_WAY,))


def test_endpoints_without_data_are_found_by_their_states() -> None:
    states = {
        "serving/ranker.tfstate": b'{"resources": [{"mode": "managed"}]}',
        "serving/ads.tfstate": b'{"resources": [{"mode": "managed"}, {"mode": "data"}]}',
        "serving/empty.tfstate": b'{"resources": []}',
        "serving/odd.tfstate": b"no state",
        "serving/ads.tfstate.tflock": b"{}",
    }
    assert orphans(states, ["ranker"], states.get) == {"ads": 1, "odd": 1}


@pytest.mark.parametrize("odd", [None, 1, [], {}, [[]], [{}], {"a": []}, "x"])
def test_whatever_a_plan_holds_is_drift_and_no_crash(odd: Any) -> None:
    role = entry("aws_iam_role.r", ["update"], {"name": "r", "path": "/a/"}, {
        "name": odd, "path": "/b/", "inline_policy": [odd, {"name": odd}], "managed_policy_arns": [odd],
    })  # fmt: skip
    bucket = entry("aws_s3_bucket.b", ["update"], {"bucket": odd, "policy": "a"}, {"bucket": odd, "policy": "b"})
    siblings = [
        entry("aws_iam_role_policy.p", ["no-op"], {"role": odd, "name": odd}, {"role": odd, "name": odd}),
        entry("aws_s3_bucket_acl.p", ["no-op"], {"bucket": odd}, {"bucket": odd}),
    ]
    assert len(said([role, bucket], siblings).drift) == 2
