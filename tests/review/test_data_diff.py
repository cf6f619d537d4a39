"""The review of data files alone: the same rules, less sure."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from glue.errors import UsageError
from glue.review.data_diff import Compared, Data, review
from glue.review.data_diff_endpoint import Files
from glue.review.data_diff_served import PRESETS, ROLLS_BACK
from glue.review.model import Grade, Review
from tests.review.making import RULES, SETTINGS, only, rules_of

ROOT = Path(__file__).parents[2]
PLACE: dict[str, Any] = {
    "name": "qa",
    "account_id": "222222222222",
    "region": "eu-west-1",
    "project": "slipway",
    "gates": {"evidence": True, "approval": True, "soak_minutes": 60},
    "approvers": ["arn:aws:iam::222222222222:role/a"],
    "operators": [],
    "models": {"ranker": {}},
    "freezes": {"holidays": {"reason": "holidays"}},
    "retention": {"capture_days": 90},
    "identity_providers": {
        "github": {"issuer": "https://it", "audience": "sts", "subjects": {"promote": ["repo:x/y:ref:refs/heads/main"]}}
    },
}
VARIANT = {
    "release": "ranker-1",
    "image": "it@sha256:1",
    "model_data_url": "s3://it/releases/ranker/ranker-1/model.tar.gz",
    "execution_role_arn": "arn:aws:iam::222222222222:role/x",
    "instance_type": "ml.m5.large",
    "initial_instance_count": 2,
    "environment": {"LEVEL": "secret-value-1"},
}
SETTINGS_FILE: dict[str, Any] = {
    "endpoint": "ranker",
    "serving": {"variants": {"main": {"model": "ranker"}}},
    "deployment": "standard",
    "autoscaling": {"main": {"min": 1, "max": 4, "invocations_per_instance": 20}},
    "callers": {},
    "invoker": {"function_url": False},
    "monitor": {},
}


def revisions(live: str = "r1-aaaaaaaa", **of: dict[str, Any]) -> dict[str, Any]:
    """Return a revisions file's values: r1 and, with other values, r2."""
    found = {
        "r1-aaaaaaaa": {"variants": {"main": VARIANT}},
        "r2-bbbbbbbb": {"variants": {"main": VARIANT | of.get("two", {})}},
    }
    return {"live": live, "revisions": found}


def compared(
    *,
    settings: dict[str, Any] | None = None,
    live: dict[str, Any] | None = None,
    place: dict[str, Any] | None = None,
    before: Files | None = None,
    after: Files | None = None,
    others: tuple[str, ...] = (),
) -> Review:
    """Return the review of a change: of settings, of the revisions, of the environment, or of whole files."""
    old = before or Files(SETTINGS_FILE, revisions())
    new = after or Files(SETTINGS_FILE | (settings or {}), live or revisions())
    key = ("qa", "ranker")
    sides = [Data({"qa": values}, {key: files}) for values, files in ((PLACE, old), (PLACE | (place or {}), new))]
    return review(*sides, Compared("main", "HEAD", "environments", others), settings=SETTINGS)


def place(**more: Any) -> dict[str, Any]:
    """Return what changes in the environment; null takes a key away."""
    return more


SUBJECT = copy.deepcopy(PLACE["identity_providers"])
SUBJECT["github"]["subjects"]["promote"].append("repo:x/y:*")
NOBODY = Files()
CASES: dict[str, dict[str, Any]] = {
    "endpoint-file-removed": {"after": NOBODY},
    "endpoint-destroyed": {"after": Files(SETTINGS_FILE, None)},
    "endpoint-created": {"before": Files(SETTINGS_FILE, None)},
    "endpoint-changed": {"settings": {"dashboard": False}},
    "endpoint-unresolved": {"live": revisions() | {"live": "r9-99999999"}},
    "new-release": {"live": revisions("r2-bbbbbbbb", two={"release": "ranker-2"})},
    "revision-returns": {"live": revisions("r2-bbbbbbbb") | {"returning": True}},
    "revisions-edited": {"after": Files(SETTINGS_FILE, revisions("r2-bbbbbbbb"), sealed=False)},
    "rollback-lost": {
        "live": {"live": "r2-bbbbbbbb", "revisions": {"r2-bbbbbbbb": revisions()["revisions"]["r2-bbbbbbbb"]}}
    },
    "instance-type-changed": {"live": revisions("r2-bbbbbbbb", two={"instance_type": "ml.c5.large"})},
    "scale-in": {"live": revisions("r2-bbbbbbbb", two={"initial_instance_count": 1})},
    "scale-in-possible": {"settings": {"autoscaling": {"main": {"min": 1, "max": 2, "cpu_percent": 20}}}},
    "autoscaling-detached": {"settings": {"autoscaling": {}}},
    "deployment-faster": {"settings": {"deployment": "instant"}},
    "guardrails-void": {"settings": {"alarms": {"rolls_back": []}}},
    "alarms-fewer": {"settings": {"alarms": {"cpu": {"enabled": False}}}},
    "alarm-weakened": {"settings": {"alarms": {"errors_5xx": {"threshold_percent": 50}}}},
    "callers-added": {"settings": {"callers": {"shop": {"principal_arns": ["arn:aws:iam::999999999999:role/shop"]}}}},
    "invoker-removed": {"settings": {"invoker": None}},
    "monitor-removed": {"settings": {"monitor": None}},
    "environment-moved": {"place": place(region="us-east-1")},
    "environment-changed": {"place": place(wave=2)},
    "gates-weakened": {"place": place(gates={"evidence": True, "approval": False, "soak_minutes": 60})},
    "people-added": {"place": place(operators=["arn:aws:iam::222222222222:role/b"])},
    "people-removed": {"place": place(approvers=[])},
    "subjects-added": {"place": place(identity_providers=SUBJECT)},
    "model-removed": {"place": place(models={})},
    "freeze-lifted": {"place": place(freezes={})},
    "retention-shortened": {"place": place(retention={"capture_days": 9})},
    "data-unseen": {"others": ("modules/model-endpoint/endpoint.tf",)},
}


@pytest.mark.parametrize("rule", CASES)
def test_the_rule_fires(rule: str) -> None:
    found = compared(**CASES[rule])
    assert rule in rules_of(found), rules_of(found)
    assert found.grade >= RULES[rule].grade
    assert not found.sure
    assert found.notes
    assert "secret-value" not in repr(found)


def test_callers_that_go_are_told() -> None:
    given = SETTINGS_FILE | {"callers": {"shop": {"principal_arns": ["arn:aws:iam::999999999999:role/shop"]}}}
    found = compared(before=Files(given, revisions()))
    assert only(found, "callers-removed").grade is Grade.MEDIUM


@pytest.mark.parametrize(("side", "rule"), [("before", "environment-created"), ("after", "environment-removed")])
def test_environments_come_and_go(side: str, rule: str) -> None:
    sides = {"before": Data({"qa": PLACE}), "after": Data({"qa": PLACE}), side: Data()}
    found = review(sides["before"], sides["after"], Compared("a", "b", "environments"), settings=SETTINGS)
    assert only(found, rule).resource == "environments/qa/environment.tfvars"


def test_nothing_is_none() -> None:
    found = compared()
    assert (found.grade, found.findings, found.endpoints) == (Grade.NONE, (), ())


def test_a_promotion_in_data_reads_like_one_in_a_plan() -> None:
    """The same words, whether a plan says it or the files."""
    one = revisions()["revisions"]["r1-aaaaaaaa"]
    first = Files(SETTINGS_FILE, {"live": "r1-aaaaaaaa", "revisions": {"r1-aaaaaaaa": one}})
    second = revisions("r2-bbbbbbbb", two={"release": "ranker-2", "environment": {"NEW": "secret-value-2"}})
    found = compared(before=first, live=second)
    (line,) = found.endpoints
    assert (line.endpoint, line.action) == ("slipway-qa-ranker", "update")
    assert (line.before, line.after) == ("r1-aaaaaaaa", "r2-bbbbbbbb")
    assert (line.releases_before, line.releases_after) == (("ranker-1",), ("ranker-2",))
    assert (line.traffic.kind, line.traffic.minutes_least, line.traffic.minutes_most) == ("canary", 10, 45)
    assert line.rollback.one_line
    assert line.rollback.text == "live = r1-aaaaaaaa"
    assert {change.what for change in line.changes} == {"artifact", "environment"}
    assert line.cost.difference == 0
    assert found.grade is Grade.LOW


def test_new_callers_are_rights() -> None:
    found = compared(**CASES["callers-added"])
    (right,) = found.access.gained
    assert (right.who, right.cross_account, right.public) == ("arn:aws:iam::999999999999:role/shop", True, False)


def test_revisions_that_come_and_go_are_one_line() -> None:
    found = compared(live={"live": "r1-aaaaaaaa", "revisions": {"r1-aaaaaaaa": {"variants": {"main": VARIANT}}}})
    assert found.folded == ("revisions of qa/ranker: 1 pruned (r2-bbbbbbbb)",)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"alarms": 7}},
        {"settings": {"autoscaling": {"main": "much"}}},
        {"settings": {"callers": {"shop": {"principal_arns": "everybody"}}}},
        {"live": {"live": "r1-aaaaaaaa", "revisions": ["r1-aaaaaaaa"]}},
        {"place": {"identity_providers": {"github": 1}}},
        {"place": {"approvers": {"one": 2}}},
    ],
)
def test_a_value_of_the_wrong_type_is_one_clear_error(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="environments/qa"):
        compared(**change)


def test_presets_are_the_module_s() -> None:
    text = (ROOT / "modules/model-endpoint/deployment.tf").read_text()
    found = {
        match[1]: (match[2], *map(int, match.groups()[2:]))
        for match in re.finditer(
            r'^\s+(\w+)\s+= \{ strategy = "(\w+)", percent = (\d+), wait_s = (\d+), '
            r"termination_wait_s = (\d+), max_s = (\d+)",
            text,
            re.MULTILINE,
        )
    }
    assert found == PRESETS
    alarms = (ROOT / "modules/model-endpoint/variables_alarms.tf").read_text()
    usual = re.search(r"rolls_back\s+= optional\(set\(string\), \[(.*?)\]\)", alarms)
    assert usual is not None
    assert tuple(re.findall(r'"(\w+)"', usual[1])) == ROLLS_BACK
