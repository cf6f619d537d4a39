"""The main job, from an empty machine to production and back: what the demo's report promises."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.sandbox.estate import REPOSITORY, Estate

pytestmark = pytest.mark.sandbox
CHAIN = {"dev": "111111111111", "qa": "222222222222", "production": "333333333333"}


def test_every_check_of_the_story_held(estate: Estate):
    assert estate.report["passed"] is True
    assert [check["name"] for check in estate.report["checks"] if not check["passed"]] == []
    assert len(estate.report["checks"]) > 30


def test_the_report_names_what_is_live_in_each_account(estate: Estate):
    assert set(estate.report["environments"]) == set(CHAIN)
    for name, environment in estate.report["environments"].items():
        live = environment["endpoints"]["ranker"]
        assert environment["account_id"] == CHAIN[name]
        assert live["live_config"].startswith(f"slipway-{name}-ranker-{live['live_revision']}-")
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", live["image_digest"])
    images = {
        environment["endpoints"]["ranker"]["image_digest"] for environment in estate.report["environments"].values()
    }
    assert len(images) == 1


def test_production_went_back_while_qa_kept_the_better_release(estate: Estate):
    live = {name: data["endpoints"]["ranker"]["release"] for name, data in estate.report["environments"].items()}
    assert live == {
        "dev": estate.release("second"),
        "qa": estate.release("second"),
        "production": estate.release("first"),
    }
    assert live == {name: estate.live_release(name) for name in CHAIN}


def test_production_answered_through_both_ways_with_the_live_release(estate: Estate):
    ways = {request["way"] for request in estate.report["requests"]}
    assert ways == {"invoker function", "caller role from search-application"}
    for request in estate.report["requests"]:
        ranking = request["answer"]["ranking"]
        assert [entry["score"] for entry in ranking] == sorted((entry["score"] for entry in ranking), reverse=True)
        assert {entry["id"] for entry in ranking} == {entry["id"] for entry in request["question"]["documents"]}


def test_promotions_moved_no_archive_through_the_client(estate: Estate):
    assert estate.report["artifact_bytes_through_client"] == 0
    copied = [step for step in estate.report["steps"] if step["name"].endswith(" to production")]
    assert copied[0]["calls_by_operation"]["s3:UploadPartCopy"] >= 3


def test_a_rerun_costs_a_handful_of_reads(estate: Estate):
    again = [step for step in estate.report["steps"] if step["name"].endswith("again")]
    assert len(again) == 3
    writes = re.compile(r":(Create|Put|Update|Delete|Upload|Complete|Register|Initiate)")
    for step in again:
        allowed = {"s3:PutObject", "s3:DeleteObject"}  # Terraform's lock of the state, taken and given back
        changed = {name for name in step["calls_by_operation"] if writes.search(name)} - allowed
        assert changed == set(), step["name"]
        assert step["calls_by_client"]["glue"] < 60


def test_a_promotion_creates_two_and_updates_one_and_a_rollback_updates_one(estate: Estate):
    texts = {name: (REPOSITORY / path).read_text() for name, path in estate.report["plans"].items()}
    assert "Plan: 2 to add, 1 to change, 0 to destroy." in texts["second promotion to qa"]
    # in production it had failed before: its model and its config are there
    assert "Plan: 2 to add, 1 to change, 0 to destroy." in texts["failed promotion to production"]
    assert "Plan: 0 to add, 1 to change, 0 to destroy." in texts["second promotion to production"]
    assert "Plan: 0 to add, 1 to change, 0 to destroy." in texts["rollback"]
    assert texts["rollback"].count("~ endpoint_config_name") == 1


def test_the_demo_leaves_tracked_files_alone():
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", "environments"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert changed.stdout == ""
    assert not list((REPOSITORY / "environments").glob("*/endpoints/*.revisions.tfvars"))


def test_status_says_what_aws_says(estate: Estate):
    said = estate.slipway("status", "--format", "json")
    assert said.code == 0
    text = json.dumps(said.document)
    for environment in CHAIN:
        live = estate.report["environments"][environment]["endpoints"]["ranker"]
        assert live["release"] in text
        assert live["live_revision"] in text


def test_verify_proves_every_environment(estate: Estate):
    for environment in CHAIN:
        assert estate.slipway("verify", "--env", environment).code == 0
