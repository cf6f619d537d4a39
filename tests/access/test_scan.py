"""The scan: our own checks fire through the real checkov, in HCL and in plans, and skips are honest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts import scan_policies
from scripts.scan_policies import Finding, Skip, unexcused

FIXTURES = Path(__file__).parent / "fixtures"
OWN = ",".join(f"CKV_SLIPWAY_{number}" for number in range(1, 7))

IN_BOTH = {
    ("CKV_SLIPWAY_1", "aws_iam_policy.any_endpoint"),
    ("CKV_SLIPWAY_1", "aws_iam_policy.both_by_exclusion"),
    ("CKV_SLIPWAY_2", "aws_iam_policy.any_service"),
    ("CKV_SLIPWAY_2", "aws_iam_policy.both_by_exclusion"),
    ("CKV_SLIPWAY_3", "aws_sagemaker_model.by_tag"),
    ("CKV_SLIPWAY_4", "aws_sagemaker_model.foreign_data"),
    ("CKV_SLIPWAY_5", "aws_sagemaker_endpoint.no_alarms"),
    ("CKV_SLIPWAY_5", "aws_sagemaker_endpoint.no_deployment"),
    ("CKV_SLIPWAY_6", "aws_s3_bucket_policy.whole_account"),
    ("CKV_SLIPWAY_6", "aws_sns_topic.whole_world"),
}
AS_WRITTEN = {
    ("CKV_SLIPWAY_1", "aws_iam_policy_document.any_endpoint"),
    ("CKV_SLIPWAY_2", "aws_iam_policy_document.any_service"),
    ("CKV_SLIPWAY_6", "aws_iam_policy_document.whole_account"),
}


@pytest.fixture(scope="module")
def reports() -> dict[str, dict[str, Any]]:
    found = scan_policies.checkov(FIXTURES, "--check", f"{OWN},CKV_AWS_289")
    return {report["check_type"]: report["results"] for report in found}


def results(report: dict[str, Any], verdict: str, folder: str) -> set[tuple[str, str]]:
    checks = report[f"{verdict}_checks"]
    return {(one["check_id"], one["resource"]) for one in checks if one["file_path"].startswith(f"/{folder}/")}


def own(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(check, place) for check, place in found if check.startswith("CKV_SLIPWAY_")}


@pytest.mark.parametrize(("kind", "wanted"), [("terraform", IN_BOTH | AS_WRITTEN), ("terraform_plan", IN_BOTH)])
def test_each_check_finds_what_it_is_for(
    reports: dict[str, dict[str, Any]], kind: str, wanted: set[tuple[str, str]]
) -> None:
    assert own(results(reports[kind], "failed", "failing")) == wanted


@pytest.mark.parametrize("kind", ["terraform", "terraform_plan"])
def test_each_check_lets_pass_what_is_right(reports: dict[str, dict[str, Any]], kind: str) -> None:
    assert own(results(reports[kind], "failed", "passing")) == set()
    looked_at = {check for check, _ in own(results(reports[kind], "passed", "passing"))}
    assert looked_at == set(OWN.split(",")), "a check that looks at nothing proves nothing"


def test_each_of_several_policies_of_one_name_is_judged(reports: dict[str, dict[str, Any]]) -> None:
    """checkov itself would judge the first of them twice."""
    verdicts = [results(reports["terraform_plan"], verdict, "namesakes") for verdict in ("passed", "failed")]
    name = "module.{}.aws_iam_policy.this"
    assert [{place for check, place in found if check == "CKV_AWS_289"} for found in verdicts] == [
        {name.format("harmless")},
        {name.format("widening")},
    ]


def test_a_skip_is_for_its_rule_place_and_words_and_not_for_hcl() -> None:
    skip = Skip("CKV_AWS_1", "*.aws_kms_key.this", "*star*", "because")
    met = Finding("terraform_plan", "CKV_AWS_1", "module.a.aws_kms_key.this", "a star")
    others = [
        Finding("terraform", "CKV_AWS_1", "module.a.aws_kms_key.this", "a star"),
        Finding("terraform_plan", "CKV_AWS_2", "module.a.aws_kms_key.this", "a star"),
        Finding("terraform_plan", "CKV_AWS_1", "module.a.aws_s3_bucket.this", "a star"),
        Finding("terraform_plan", "CKV_AWS_1", "module.a.aws_kms_key.this", "no such thing"),
    ]
    assert unexcused([met, *others], [skip]) == (others, [])
    assert unexcused(others, [skip]) == (others, [skip]), "a skip that meets nothing must be told"


def test_every_skip_has_a_reason() -> None:
    skips = scan_policies.skips()
    assert skips
    assert all(len(skip.why.split()) >= 5 for skip in skips)
    assert len({(skip.rule, skip.on, skip.what) for skip in skips}) == len(skips)
