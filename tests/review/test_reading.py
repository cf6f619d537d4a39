"""Only one whole plan is read; everything else is one clear error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glue.errors import UsageError
from glue.review import document, loading
from tests.review.making import change, plan_json, read

BUCKET = change("aws_s3_bucket.a", "delete", {"bucket": "a"})
PLAN = plan_json(BUCKET)


def refused(data: bytes | dict[str, Any]) -> str:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(UsageError) as caught:
        document.read(text, name="plan.json")
    assert caught.value.remedy
    return caught.value.message


def changed(**inside: Any) -> dict[str, Any]:
    return plan_json({**BUCKET, "change": {**BUCKET["change"], **inside}})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"Terraform will perform the following actions:\n", "holds no JSON"),
        (b"PK\x03\x04rest", "saved plan"),
        (b"[]", "no JSON object"),
        (b"{}", "no format_version"),
        (b'{"format_version":"1.2"', "cut off"),
        (json.dumps(PLAN).encode()[:-200], "cut off"),
        (b'{"format_version":"1.2"}\xff', "not UTF-8"),
        (b'{"format_version":NaN}', "NaN is no JSON number"),
        (b'{"format_version":-Infinity}', "-Infinity is no JSON number"),
        (b'{"format_version":1e999}', "too large"),
        (b'{"format_version":' + b"9" * 5000 + b"}", "5000 digits"),
        (b'{"a":1,"a":2}', "'a' is there twice"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nested"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "nested more than"),
        (b'{"format_version":"1.2","x":"\\ud800"}', "half a character"),
        (b'{"@level":"info","type":"version"}\n{"@level":"info"}\n', "message stream"),
        (b'{"@level":"info","type":"version"}', "message stream"),
        (b'{"format_version":"1.0","provider_schemas":{}}', "provider schemas"),
        (b'{"version":4,"lineage":"x","serial":1,"resources":[]}', "a state file"),
        (b'{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{}}}', "a state"),
        (b'{"format_version":"1.2","terraform_version":"1.11.4"}', "plans nothing"),
    ],
)
def test_what_is_no_plan_is_named(data: bytes, said: str) -> None:
    assert said in refused(data)


@pytest.mark.parametrize(
    ("document_", "said"),
    [
        ({**PLAN, "format_version": "2.0"}, "only 1.x is known"),
        ({**PLAN, "format_version": "0.2"}, "only 1.x is known"),
        ({**PLAN, "errored": True}, "ended in an error"),
        ({**PLAN, "errored": "no"}, "errored is not true or false"),
        ({**PLAN, "complete": 1}, "complete is not true or false"),
        ({**PLAN, "resource_changes": {}}, "resource_changes is not a list"),
        ({**PLAN, "resource_changes": [7]}, "resource_changes[0] is not an object"),
        ({**PLAN, "planned_values": []}, "planned_values is not an object"),
        ({**PLAN, "prior_state": {"values": 3}}, "values of prior_state is not an object"),
        ({**PLAN, "variables": {"a": 1}}, "a of variables is not an object"),
        ({**PLAN, "configuration": {"root_module": 1}}, "root_module of configuration is not an object"),
        ({**PLAN, "output_changes": {"a": {"actions": ["explode"]}}}, "actions of output a"),
        ({**PLAN, "terraform_version": 1}, "terraform_version is not a string"),
        (plan_json({**BUCKET, "address": 5}), "has no address"),
        (plan_json({**BUCKET, "mode": "ephemeral"}), "mode of aws_s3_bucket.a"),
        (plan_json({**BUCKET, "type": "null_resource"}), "does not fit its module, mode, type"),
        (plan_json({**BUCKET, "module_address": "module.b"}), "does not fit its module, mode, type"),
        (plan_json({**BUCKET, "mode": "data"}), "does not fit its module, mode, type"),
        (plan_json({**BUCKET, "mode": "data", "address": "data.aws_s3_bucket.a"}), "is data, which is only read"),
        (plan_json({**BUCKET, "name": "ab"}), "does not fit its module, mode, type"),
        (plan_json({**BUCKET, "name": "b", "address": "aws_s3_bucket.a.aws_s3_bucket.b"}), "does not fit its module"),
        (plan_json({**BUCKET, "deposed": 1}), "deposed of aws_s3_bucket.a is not a string"),
        (plan_json({**BUCKET, "index": []}), "index of aws_s3_bucket.a"),
        (plan_json({**BUCKET, "change": None}), "change of aws_s3_bucket.a is not an object"),
        (plan_json(BUCKET, BUCKET), "lists aws_s3_bucket.a twice"),
        (changed(actions=["vanish"]), "not known"),
        (changed(actions=[]), "not known"),
        (changed(actions="delete"), "not a list of words"),
        (changed(actions=["no-op"]), "called unchanged, but its values differ"),
        (changed(actions=["update"]), "has no values after"),
        (changed(actions=["create"]), "has values before although it is a create"),
        (changed(before=None), "no values before"),
        (changed(before=[1]), "before of aws_s3_bucket.a is not an object"),
        (changed(after={"bucket": "a"}), "has values after although it is a delete"),
        (changed(replace_paths=[["a"], 3]), "replace_paths of aws_s3_bucket.a"),
    ],
)
def test_a_plan_of_a_wrong_shape_is_refused_by_field(document_: dict[str, Any], said: str) -> None:
    assert said in refused(document_)


def test_a_planned_resource_that_no_change_lists_is_refused() -> None:
    resource = {"address": "aws_s3_bucket.b", "mode": "managed", "type": "aws_s3_bucket", "name": "b", "values": {}}
    planned = {"root_module": {"child_modules": [{"address": "module.x", "resources": [resource]}]}}
    assert "aws_s3_bucket.b is planned, but" in refused(plan_json(planned_values=planned))
    without = plan_json(planned_values=planned)
    del without["resource_changes"]
    assert "aws_s3_bucket.b is planned, but" in refused(without)


def test_a_planned_resource_that_stays_as_it_is_need_not_be_listed() -> None:
    resource = {
        "address": "aws_s3_bucket.b",
        "mode": "managed",
        "type": "aws_s3_bucket",
        "name": "b",
        "values": {"x": 1},
    }
    values = {"root_module": {"resources": [resource]}}
    plan = read(planned_values=values, prior_state={"values": values})
    assert [(one.address, one.what) for one in plan.resources()] == [("aws_s3_bucket.b", "none")]
    other = {"root_module": {"resources": [{**resource, "values": {"x": 2}}]}}
    assert "is planned, but" in refused(plan_json(planned_values=other, prior_state={"values": values}))


@pytest.mark.parametrize("version", ["1.5.7", "1.3.0", "1.8.2"])
def test_plans_of_other_programs_and_older_ones_are_read(version: str) -> None:
    document_ = plan_json(BUCKET, terraform_version=version, format_version="1.1")
    for absent in ("applyable", "complete", "errored", "planned_values", "timestamp"):
        del document_[absent]
    assert document.read(json.dumps(document_).encode(), name="old").changes[0].what == "delete"
    nothing = {"format_version": "1.2", "terraform_version": version, "planned_values": {"root_module": {}}}
    assert document.read(json.dumps(nothing).encode(), name="old").changes == ()


@pytest.mark.parametrize(
    ("address", "module"),
    [
        ("aws_s3_bucket.a", ""),
        ("aws_s3_bucket.a[0]", ""),
        ("module.x.aws_s3_bucket.a", "module.x"),
        ('module.x["a.b[\\"c\\"]"].module.y[3].aws_s3_bucket.a["k"]', 'module.x["a.b[\\"c\\"]"].module.y[3]'),
    ],
)
def test_the_module_is_read_from_the_address_when_it_is_not_told(address: str, module: str) -> None:
    entry = {**BUCKET, "address": address}
    entry.pop("module_address", None)
    assert read(entry).changes[0].module == module


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MOST_BYTES", 100)
    assert "at most 100 are read" in refused(PLAN)


def test_an_error_names_no_control_characters() -> None:
    said = refused(plan_json({**BUCKET, "address": "aws_s3_bucket.a\x1b[2J\u202e", "change": None}))
    assert said.isprintable()


def test_warnings_before_the_json_and_the_marks_of_windows_are_passed_over() -> None:
    text = json.dumps(PLAN)
    for data in (
        f"Warning: {{old}} provider\n\n{text}\n".encode(),
        b"\xef\xbb\xbf" + text.encode(),
        text.encode("utf-16"),
    ):
        assert document.read(data, name="x").changes[0].what == "delete"


def test_a_newer_minor_format_is_read_and_its_unknown_parts_are_named() -> None:
    plan = read(BUCKET, format_version="1.9", action_invocations=[{"address": "action.aws_lambda_invoke.x"}])
    assert plan.notes == ("the plan holds 'action_invocations', which this review cannot read",)
    assert read(BUCKET, something_new=[]).notes == ()


def test_the_digest_is_of_the_content_and_not_of_its_spelling() -> None:
    one = document.read(json.dumps(PLAN, indent=2).encode(), name="a")
    other = document.read(json.dumps(dict(reversed(PLAN.items()))).encode(), name="b")
    assert one.digest == other.digest
    assert one.digest != document.read(json.dumps({**PLAN, "timestamp": "other"}).encode(), name="a").digest


@pytest.mark.parametrize(
    ("actions", "what", "first"),
    [("create/delete", "replace", True), ("delete/create", "replace", False), ("forget", "forget", False)],
)
def test_actions_are_one_word(actions: str, what: str, first: bool) -> None:
    after = None if what == "forget" else {"bucket": "b"}
    resource = read(change("aws_s3_bucket.a", actions, {"bucket": "a"}, after)).changes[0]
    assert (resource.what, resource.create_first) == (what, first)
