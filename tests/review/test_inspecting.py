"""The review as a whole: nothing is none only when nothing changes, drift, exceptions, folding, the last guards."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from glue.errors import UsageError
from glue.review import exceptions, inspecting
from glue.review.model import Grade, Part, Settings, Waiver
from tests.review.making import RULES, SETTINGS, TODAY, change, only, read, reviewed, rules_of

GONE = change("acme_thing.a", "delete", {"x": 1}, provider="example.org/acme/acme")
STATE = {"address": "acme_thing.a", "mode": "managed", "type": "acme_thing", "name": "a", "values": {"x": 1}}


def waiver(**fields: Any) -> Waiver:
    made = {"rule": "resource-destroyed", "resource": "acme_*", "owner": "o", "reason": "r", "expires": TODAY}
    return Waiver(**(made | fields))


def test_nothing_at_all_is_none() -> None:
    assert reviewed().grade is Grade.NONE
    same = change("aws_s3_bucket.a", "no-op", {"bucket": "a"}, {"bucket": "a"})
    review = reviewed(same)
    assert (review.grade, review.findings, review.folded, review.sure) == (Grade.NONE, (), ("1 unchanged",), True)


@pytest.mark.parametrize(
    "entry",
    [
        change("acme_thing.a", "create", None, {"x": 1}),
        change("acme_thing.a", "update", {"x": 1}, {"x": 2}),
        change("acme_thing.a", "update", {"x": None}, {"x": []}),
        change("acme_thing.a", "update", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}),
        change("terraform_data.a", "delete", {"x": 1}),
        change("acme_thing.a", "no-op", {"x": 1}, {"x": 1}, previous_address="acme_thing.b"),
        change("acme_thing.a", "no-op", {"x": 1}, {"x": 1}, importing={"id": "x"}),
    ],
)
def test_whatever_changes_is_at_least_low(entry: dict[str, Any]) -> None:
    assert reviewed(entry).grade >= Grade.LOW


def test_reading_data_is_no_change() -> None:
    review = reviewed(change("data.aws_region.r", "read", None, {"name": "x"}))
    assert (review.grade, review.counts["read"], review.changes) == (Grade.NONE, 1, ())


def test_outputs_that_change_are_low_and_named() -> None:
    review = reviewed(
        output_changes={"o": {"actions": ["update"], "before": 1, "after": 2}, "p": {"actions": ["no-op"]}}
    )
    assert (only(review, "output-changed").details, review.outputs, review.grade) == (("o",), ("o update",), Grade.LOW)


def test_a_plan_that_lists_nothing_although_there_is_a_state_is_not_none() -> None:
    review = reviewed(prior_state={"values": {"root_module": {"resources": [STATE]}}})
    assert only(review, "refresh-only").grade is Grade.MEDIUM


def test_a_part_of_a_plan_is_never_none_and_what_is_put_off_is_high() -> None:
    part = reviewed(complete=False)
    assert (only(part, "plan-incomplete").grade, part.sure, len(part.notes)) == (Grade.MEDIUM, False, 1)
    deferred = [{"reason": "instance_count_unknown", "resource_change": {"address": "acme_thing.later"}}, 7]
    found = only(reviewed(complete=False, deferred_changes=deferred), "plan-incomplete")
    assert (found.grade, found.details) == (Grade.HIGH, ("acme_thing.later", "deferred_changes[1]"))


def test_parts_that_nobody_can_read_are_high_and_unsure() -> None:
    review = reviewed(format_version="1.9", action_invocations=[{"type": "aws_lambda_invoke"}])
    assert only(review, "plan-not-understood").grade is Grade.HIGH
    assert not review.sure
    assert review.notes


def test_a_check_that_fails_is_told() -> None:
    check = {"address": {"kind": "check", "to_display": "check.health"}, "status": "fail"}
    assert "check.health" in only(reviewed(checks=[check, {"status": "pass"}, 7]), "check-failed").message


def drifted(
    before: dict[str, Any], after: dict[str, Any] | None, *changes: dict[str, Any], kind: str = "acme_thing"
) -> Any:
    entry = change(f"{kind}.d", "delete" if after is None else "update", before, after)
    return reviewed(*changes, resource_drift=[entry])


def test_the_noise_of_the_first_plan_is_no_drift() -> None:
    review = drifted({"a": None, "b": None, "c": {"d": None}}, {"a": [], "b": {}, "c": {"d": ""}})
    assert (review.grade, review.drift) == (Grade.NONE, ())


def test_drift_is_low_or_medium_when_the_plan_sets_it_back() -> None:
    assert only(drifted({"x": 1}, {"x": 2}), "drift-found").grade is Grade.LOW
    back = change("acme_thing.d", "update", {"x": 2}, {"x": 1})
    found = only(drifted({"x": 1}, {"x": 2}, back), "drift-found")
    assert (found.grade, found.details) == (Grade.MEDIUM, ("this plan sets x back",))


def test_what_was_removed_outside_is_medium_and_high_when_it_held_something() -> None:
    assert only(drifted({"x": 1}, None), "drift-gone").grade is Grade.MEDIUM
    review = drifted({"x": 1}, None, kind="aws_dynamodb_table")
    assert only(review, "drift-gone").grade is Grade.HIGH
    assert review.drift == ("aws_dynamodb_table.d: removed outside of Terraform",)


def test_many_destroys_of_unknown_things_are_one_finding_and_few_are_each_one() -> None:
    def gone(number: int) -> list[dict[str, Any]]:
        return [change(f"acme_thing.a[{at}]", "delete", {"x": 1}) for at in range(number)]

    assert len([one for one in reviewed(*gone(3)).findings if one.rule == "resource-destroyed"]) == 3
    found = only(reviewed(*gone(4)), "resource-destroyed")
    assert found.message == "4 resources are destroyed or replaced: 4 acme_thing"
    assert found.details[0] == "acme_thing.a[0] destroyed"


def test_the_rest_is_folded_with_counts() -> None:
    tags = [
        change(f"aws_sns_topic.t{at}", "update", {"tags": {}}, {"tags": {"a": "b"}, "tags_all": {"a": "b"}})
        for at in "12"
    ]
    deposed = change("terraform_data.x", "delete", {"x": 1}, deposed="1234abcd")
    moved = change("acme_thing.n", "no-op", {"x": 1}, {"x": 1}, previous_address="acme_thing.o")
    assert reviewed(*tags, deposed, moved, change("acme_thing.c", "create", None, {"x": 1})).folded == (
        "2 aws_sns_topic change tags only",
        "1 acme_thing created",
        "1 deposed objects removed: terraform_data.x",
        "1 moved in the state: acme_thing.o → acme_thing.n",
        "1 unchanged",
    )


@pytest.mark.parametrize(("what", "rule"), [("delete", "endpoint-destroyed"), ("create/delete", "endpoint-replaced")])
def test_a_lost_endpoint_is_forbidden_also_when_no_inspector_says_so(
    monkeypatch: pytest.MonkeyPatch, what: str, rule: str
) -> None:
    monkeypatch.setattr(inspecting, "INSPECTORS", (lambda plan, settings: Part(),))
    entry = change("aws_sagemaker_endpoint.e", what, {"name": "e"}, None if what == "delete" else {"name": "e"})
    assert only(reviewed(entry), rule).grade is Grade.FORBIDDEN


def test_an_inspector_that_stumbles_over_values_refuses_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(plan: Any, settings: Settings) -> Part:
        raise TypeError("unhashable")

    monkeypatch.setattr(inspecting, "INSPECTORS", (stumble,))
    with pytest.raises(UsageError, match="values that no provider writes"):
        reviewed(GONE)


def policy(*actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return {"name": "p", "role": "r", "policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def test_access_is_part_of_every_review() -> None:
    all_of_it = policy("s3:PutObject", "sagemaker:InvokeEndpoint")

    def fired(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Grade]:
        review = reviewed(change("aws_iam_role_policy.p", "update", before, after))
        return {finding.rule: finding.grade for finding in review.findings if finding.rule.startswith("access-")}

    assert fired(all_of_it, policy("sagemaker:InvokeEndpoint")) == {"access-narrowed": Grade.LOW}
    assert fired(all_of_it, policy("s3:PutObject")) == {"access-lost-by-callers": Grade.MEDIUM}
    assert fired(policy("s3:PutObject"), all_of_it)["access-widened"] >= Grade.HIGH


def test_a_provisioner_is_told_when_its_resource_is_made_or_destroyed() -> None:
    inside = {"resources": [{"type": "null_resource", "name": "n", "provisioners": [{"type": "local-exec"}]}]}
    configuration = {"root_module": {"module_calls": {"m": {"module": inside}}}}

    def fired(entry: dict[str, Any]) -> bool:
        return "program-runs" in rules_of(reviewed(entry, configuration=configuration))

    assert fired(change('module.m["a"].null_resource.n[0]', "create", None, {"id": "1"}))
    assert fired(change("module.m.null_resource.n", "delete/create", {"id": "1"}, {"id": "2"}))
    assert not fired(change("module.m.null_resource.n", "update", {"id": "1"}, {"id": "2"}))
    assert not fired(change("null_resource.n", "create", None, {"id": "1"}))


def test_an_exception_lowers_a_finding_and_stays_visible() -> None:
    plain = only(reviewed(GONE), "resource-destroyed")
    assert (plain.grade, plain.exception) == (Grade.MEDIUM, None)
    found = only(reviewed(GONE, waivers=(waiver(),)), "resource-destroyed")
    assert (found.grade, found.exception) == (Grade.LOW, waiver())
    for other in (waiver(rule="stateful-destroyed"), waiver(resource="acme_thing.b"), waiver(resource="thing")):
        assert only(reviewed(GONE, waivers=(other,)), "resource-destroyed").grade is Grade.MEDIUM


def test_an_expired_exception_covers_nothing_and_is_told() -> None:
    review = reviewed(GONE, waivers=(waiver(expires=TODAY - timedelta(days=1)),))
    assert only(review, "resource-destroyed").grade is Grade.MEDIUM
    assert "by o expired on 2026-11-20" in only(review, "exception-expired").message
    both = reviewed(GONE, waivers=(waiver(expires=TODAY - timedelta(days=1)), waiver()))
    assert "exception-expired" not in rules_of(both)


def test_brackets_and_dots_of_a_pattern_mean_themselves() -> None:
    entry = change('module.a["x"].acme_thing.a[0]', "delete", {"x": 1})
    for pattern, covered in (
        ('module.a["x"].acme_thing.a[0]', True),
        ("module.*[0]", True),
        ("module.a*acme_thing?a[0]", False),
    ):
        found = only(reviewed(entry, waivers=(waiver(resource=pattern),)), "resource-destroyed")
        assert (found.exception is not None) is covered, pattern


ENTRY = """[[exception]]
rule = "resource-destroyed"
resource = "acme_*"
owner = "o"
reason = "r"
expires = 2026-11-21
"""


def loaded(path: Path, text: str) -> tuple[Waiver, ...]:
    file = path / "exceptions.toml"
    file.write_text(text)
    return exceptions.load(file, rules=RULES, today=TODAY)


def test_the_file_of_exceptions_is_read(tmp_path: Path) -> None:
    assert loaded(tmp_path, ENTRY) == (waiver(),)
    assert loaded(tmp_path, "# none\n") == ()
    assert exceptions.load(tmp_path / "absent.toml", rules=RULES, today=TODAY) == ()


def test_the_repository_s_own_file_is_right() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    assert exceptions.load(root / "policy" / "review-exceptions.toml", rules=RULES, today=date.today()) is not None  # noqa: DTZ011


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"resource-destroyed"', '"no-such-rule"', "'no-such-rule', which is not in rules.toml"),
        ('"acme_*"', '"*"', "covers everything"),
        ('owner = "o"\n', "", "needs exactly"),
        ('owner = "o"', "owner = 1", "texts that are not empty"),
        ('reason = "r"', 'reason = " "', "texts that are not empty"),
        ("2026-11-21", '"2026-11-21"', "is a date such as"),
        ("2026-11-21", "2026-11-21T10:00:00", "is a date such as"),
        ("2026-11-21", "2028-01-01", "more than a year ahead"),
        ("[[exception]]", "[[exceptions]]", "and nothing else"),
        ("[[exception]]", "[exception]", "and nothing else"),
        ("[[exception]]", "[[", "cannot be read"),
    ],
)
def test_a_wrong_exception_is_an_error(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        loaded(tmp_path, ENTRY.replace(old, new))


def test_what_exists_after_the_apply() -> None:
    plan = read(
        change("acme_thing.new", "create", None, {"x": 1}),
        change("acme_thing.gone", "delete", {"x": 1}),
        change("acme_thing.kept", "no-op", {"x": 1}, {"x": 1}),
        change("acme_thing.kept", "delete", {"x": 0}, deposed="1234abcd"),
        change("data.acme_thing.d", "read", None, {"x": 1}),
        prior_state={"values": {"root_module": {"resources": [{**STATE, "address": "acme_thing.unlisted"}]}}},
    )
    found = {one.address: (one.what, one.after) for one in plan.resources()}
    assert found == {
        "acme_thing.new": ("create", {"x": 1}),
        "acme_thing.kept": ("none", {"x": 1}),
        "acme_thing.unlisted": ("none", {"x": 1}),
    }
    assert SETTINGS.rules is RULES


PROVIDER = {"full_name": "registry.terraform.io/hashicorp/aws", "expressions": {
    "region": {"references": ["var.environment.region", "var.environment"]},
    "allowed_account_ids": {"constant_value": ["222222222222"]},
}}  # fmt: skip


def test_region_and_account_come_from_the_arn_then_from_the_provider() -> None:
    arn = "arn:aws:sns:eu-west-3:111111111111:t"
    plan = read(
        change("aws_sns_topic.a", "no-op", {"arn": arn}, {"arn": arn}),
        change('module.m["x"].aws_sns_topic.b', "create", None, {"name": "b"}),
        change("aws_sns_topic.c", "create", None, {"name": "c", "region": "us-east-1"}),
        change("acme_thing.d", "create", None, {"name": "d"}, provider="example.org/acme/acme"),
        variables={"environment": {"value": {"region": "eu-west-1"}}},
        configuration={
            "provider_config": {"aws": PROVIDER, "module.m:aws.other": {**PROVIDER, "expressions": {}}},
            "root_module": {
                "module_calls": {
                    "m": {
                        "module": {"resources": [{"type": "aws_sns_topic", "name": "b", "provider_config_key": "aws"}]}
                    }
                }
            },
        },
    )
    where = [(plan.region_of(one), plan.account_of(one)) for one in plan.changes]
    assert where[:2] == [("eu-west-3", "111111111111"), ("eu-west-1", "222222222222")]
    assert where[2][0] == "us-east-1"
    assert where[3] == (None, None)
