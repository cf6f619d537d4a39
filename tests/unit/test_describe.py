"""How a deployment's end and the truth check's rows are told to people and to programs."""

from __future__ import annotations

from dataclasses import replace

from glue.cli import describe
from glue.core.plan import PlanSummary
from glue.core.truth import Truth
from glue.core.truth_checks import Check
from glue.deployed import Deployed
from glue.verifying import Verified

DONE = Deployed("ranker", "r2-00000000", True, PlanSummary(), None, 1.0)
ROWS = (Check("status", "InService", "InService"), Check("main: instances", "1 or more", "0", "variant main has none"))
TRUE = Truth("slipway-qa-ranker", "false", "r2-00000000", "r2-00000000", "c", "InService", ("x",), ROWS)


def test_a_failure_tells_cause_what_was_done_and_what_comes_next() -> None:
    failed = replace(
        DONE, failure="SageMaker rolled r2-00000000 back: no capacity.", remedy="slipway verify --env qa tells more.",
        returned_to="r1-00000000", marked=True, plan_empty=True, exit_code=1,
    )  # fmt: skip
    assert describe.deployed_line(failed) == (
        "ranker: FAILED: SageMaker rolled r2-00000000 back: no capacity. It went back to r1-00000000, which is proven "
        "live. The next plan is empty. r2-00000000 is marked as failed.\n  slipway verify --env qa tells more."
    )
    document = describe.deployed_document(failed)
    assert (document["marked_failed"], document["next_plan_empty"]) == ("r2-00000000", True)


def test_a_plan_that_is_not_empty_afterwards_is_told() -> None:
    failed = replace(DONE, failure="no", returned_to="r1-00000000", plan_empty=False)
    assert "The next plan is NOT empty" in failed.failed_text
    assert replace(failed, failure=None).failed_text == ""


def test_what_scales_in_is_in_the_document() -> None:
    document = describe.deployed_document(replace(DONE, scales_in={"main": (5, 2)}))
    assert document["scales_in"] == {"main": {"from": 5, "to": 2}}


def test_the_rows_of_the_truth_check() -> None:
    table = describe.checks_table([Verified("ranker", TRUE)])
    assert table.rows == [
        ("ranker", "status", "InService", "InService", ""),
        ("ranker", "main: instances", "1 or more", "0", "NOT AS WANTED"),
    ]
    checks = describe.truth_document(TRUE)["checks"]
    assert checks == [
        {"check": "status", "wanted": "InService", "found": "InService", "good": True, "wrong": None},
        {
            "check": "main: instances", "wanted": "1 or more", "found": "0", "good": False,
            "wrong": "variant main has none",
        },
    ]  # fmt: skip
