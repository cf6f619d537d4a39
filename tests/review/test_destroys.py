"""Destroys of what holds something, of stores and their keys, of endpoints, of what nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.review.model import Grade
from glue.review.stateful import kinds
from tests.review.making import change, only, reviewed, rules_of

KEY = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize("what", ["delete", "delete/create", "create/delete"])
def test_every_type_that_holds_something_is_high_when_it_goes(what: str) -> None:
    after = None if what == "delete" else {"name": "b"}
    review = reviewed(*(change(f"{kind}.a", what, {"name": "a"}, after) for kind in kinds().holds))
    found = {one.resource: one for one in review.findings if one.rule == "stateful-destroyed"}
    assert set(found) == {f"{kind}.a" for kind in kinds().holds}
    assert {one.grade for one in found.values()} == {Grade.HIGH}
    assert all(lost in found[f"{kind}.a"].message for kind, lost in kinds().holds.items())


@pytest.mark.parametrize(
    ("kind", "grade"),
    [
        ("google_bigquery_dataset", Grade.HIGH),
        ("google_storage_bucket", Grade.HIGH),
        ("azurerm_mssql_database", Grade.HIGH),
        ("kubernetes_namespace", Grade.HIGH),
        ("mongodbatlas_database_user_table", Grade.HIGH),
        ("aws_brandnew_table", Grade.HIGH),
        ("awscc_ecr_repository", Grade.HIGH),
        ("awscc_kms_key", Grade.HIGH),
        ("awscc_sagemaker_endpoint", Grade.FORBIDDEN),
        ("google_vertex_ai_endpoint", Grade.FORBIDDEN),
        ("google_storage_bucket_iam_member", Grade.MEDIUM),
        ("aws_route_table", Grade.MEDIUM),
        ("acme_thing", Grade.MEDIUM),
        ("aws_brandnew_thing", Grade.MEDIUM),
        ("terraform_data", Grade.LOW),
        ("random_id", Grade.LOW),
    ],
)
def test_the_grade_of_a_destroy_by_the_name_of_its_type(kind: str, grade: Grade) -> None:
    assert reviewed(change(f"{kind}.a", "delete", {"x": 1}, provider="example.org/acme/acme")).grade == grade


@pytest.mark.parametrize("kind", sorted(kinds().keys))
def test_a_destroyed_key_is_high_and_forbidden_when_something_is_encrypted_with_it(kind: str) -> None:
    gone = change(f"{kind}.a", "delete", {"arn": KEY, "deletion_window_in_days": 30})
    assert only(reviewed(gone), "key-destroyed").grade is Grade.HIGH
    volume = change("aws_ebs_volume.v", "no-op", {"kms_key_id": KEY}, {"kms_key_id": KEY})
    found = only(reviewed(gone, volume), "store-key-destroyed")
    assert found.grade is Grade.FORBIDDEN
    assert found.details == ("it can be restored for 30 days",)


def test_a_key_named_by_its_id_inside_a_rule_is_found() -> None:
    rule = {"rule": [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": KEY.rpartition("/")[2]}]}]}
    kept = change("aws_s3_bucket_server_side_encryption_configuration.a", "no-op", rule, rule)
    gone = change("aws_kms_key.a", "delete", {"key_id": KEY.rpartition("/")[2]})
    assert reviewed(gone, kept).grade is Grade.FORBIDDEN


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("aws_s3_bucket.a", {"bucket": "acme-prod-artifacts-111111111111"}),
        ("aws_s3_bucket.a", {"bucket": "acme-tfstate"}),
        ("aws_s3_bucket.models", {"bucket": "x"}),
        ('module.artifact_store["eu"].module.bucket.aws_s3_bucket.this', {"bucket": "x"}),
        ("module.state_store.aws_s3_bucket.this", {"bucket": "x"}),
    ],
)
def test_a_store_of_artifacts_or_state_is_forbidden(address: str, values: dict[str, Any]) -> None:
    assert only(reviewed(change(address, "delete", values)), "store-destroyed").grade is Grade.FORBIDDEN


def test_a_bucket_that_models_are_served_from_is_forbidden_whatever_its_name() -> None:
    model = {"primary_container": [{"model_data_url": "s3://quiet-name/releases/m.tar.gz", "image": "i"}]}
    review = reviewed(
        change("aws_s3_bucket.a", "delete", {"bucket": "quiet-name", "force_destroy": True}),
        change("module.x.aws_sagemaker_model.m", "no-op", model, model),
    )
    found = only(review, "store-destroyed")
    assert "models are served from it" in found.message
    assert "force_destroy is set: it is emptied without asking" in found.details


def test_a_repository_whose_images_models_run_is_forbidden_and_another_is_high() -> None:
    image = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/team/ranker@sha256:00"
    model = {"primary_container": [{"image": image}]}
    kept = change("aws_sagemaker_model.m", "no-op", model, model)
    gone = change("aws_ecr_repository.a", "delete", {"name": "team/ranker"})
    assert only(reviewed(gone, kept), "store-destroyed").grade is Grade.FORBIDDEN
    other = change("aws_ecr_repository.a", "delete", {"name": "team/other"})
    assert only(reviewed(other, kept), "stateful-destroyed").grade is Grade.HIGH


def test_what_is_forgotten_stays_and_is_told() -> None:
    assert (
        only(reviewed(change("aws_sns_topic.a", "forget", {"name": "t"})), "resource-forgotten").grade is Grade.MEDIUM
    )
    assert (
        only(reviewed(change("aws_s3_bucket.a", "forget", {"bucket": "b"})), "resource-forgotten").grade is Grade.HIGH
    )


def test_a_deposed_bucket_is_still_a_bucket() -> None:
    review = reviewed(change("aws_s3_bucket.a", "delete", {"bucket": "b"}, deposed="00000000"))
    assert "it is what an interrupted replacement left behind (deposed)" in only(review, "stateful-destroyed").details


def test_details_tell_protection_snapshots_and_what_forced_it() -> None:
    before = {"identifier": "db", "deletion_protection": True, "skip_final_snapshot": True}
    after = before | {"engine": "other"}
    entry = change("aws_db_instance.a", "delete/create", before, after, replace_paths=[["engine"]])
    assert only(reviewed(entry), "stateful-destroyed").details == (
        "deletion protection is on: the apply fails there",
        "skip_final_snapshot is set: no snapshot stays",
        "forced by engine",
    )


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
KEYS = st.one_of(
    st.just(""), st.integers(0, 9).map(lambda at: f"[{at}]"), st.text(max_size=6).map(lambda key: f'["{key}"]')
)
MODULES = st.lists(st.tuples(NAMES, KEYS).map(lambda pair: f"module.{pair[0]}{pair[1]}"), max_size=3)
NOISE = st.lists(st.sampled_from(["create", "update", "no-op", "delete"]), max_size=4)


@settings(max_examples=40, deadline=None)
@given(MODULES, NAMES, KEYS, st.sampled_from(["delete", "delete/create", "create/delete"]), NOISE)
def test_an_endpoint_that_goes_is_always_forbidden(
    modules: list[str], name: str, key: str, what: str, noise: list[str]
) -> None:
    module = ".".join(modules)
    entry = change("aws_sagemaker_endpoint.x", what, {"name": "e"}, None if what == "delete" else {"name": "e"})
    entry |= {"name": name, "address": f"{module}{'.' if module else ''}aws_sagemaker_endpoint.{name}{key}"}
    entry["module_address"] = module or None
    values = {"create": (None, {"a": 1}), "delete": ({"a": 1}, None)}
    rest = [
        change(f"aws_sns_topic.n{at}", word, *values.get(word, ({"a": 1}, {"a": 1}))) for at, word in enumerate(noise)
    ]
    review = reviewed(*rest, entry)
    assert review.grade is Grade.FORBIDDEN
    assert any(one.resource == entry["address"] and one.grade is Grade.FORBIDDEN for one in review.findings)


def test_a_destroyed_thing_that_nobody_knows_is_told_with_its_reason() -> None:
    review = reviewed(
        change("aws_lambda_function.a", "delete", {"function_name": "f"}, action_reason="delete_because_no_module")
    )
    assert only(review, "resource-destroyed").message == "aws_lambda_function is destroyed (delete because no module)"
    assert "resource-changed" in rules_of(review)
