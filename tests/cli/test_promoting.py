"""Promotion, rollback, verification and status on three accounts; terraform itself is not run here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from glue import locks
from glue.aws.session import Session
from glue.core.request import ReleaseRequest
from glue.releasing import create_release, plan_release
from glue.tf import revisions_file
from tests.aws.conftest import archive, model_members
from tests.cli.conftest import Said, check_golden

Call = Callable[..., Said]
_SECONDS = itertools.count()
FILE = "environments/qa/endpoints/ranker.revisions.tfvars"


@pytest.fixture
def own_release(dev: Session, image: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A release that no other test has promoted."""
    name = request.node.name
    path = tmp_path / "model.tar.gz"
    path.write_bytes(archive(model_members(name=name.encode())))
    wanted = ReleaseRequest(model="ranker", archive=str(path), image=image, commit="1a2b3c4d")
    made = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(seconds=next(_SECONDS))
    plan = plan_release(wanted, session=dev, clock=lambda: made)
    return create_release(plan, session=dev).release.release


def promote(slipway: Call, release: str, *words: str) -> Said:
    return slipway("promote", release, "--to", "qa", "--image-timeout", "0", *words)


def test_a_dry_run_reads_everything_and_changes_nothing(
    slipway: Call, own_release: str, data: Path, qa: Session
) -> None:
    said = promote(slipway, own_release, "--dry-run")
    assert said.code == 0
    check_golden("promote-dry-run", said.out.replace(own_release, "<release>"))
    check_golden("promote-dry-run-story", said.err.replace(own_release, "<release>"))
    assert not (data / FILE).exists()
    assert list(qa.artifacts().keys(f"releases/ranker/{own_release}/")) == []


def test_a_promotion_ends_with_the_file_and_says_what_comes_next(
    slipway: Call, own_release: str, data: Path, qa: Session
) -> None:
    document = json.loads(promote(slipway, own_release, "--format", "json").out)
    assert document["changed"] is True
    assert [step["name"] for step in document["steps"]] == [
        "manifest", "files", "image", "lineage", "tag", "revision ranker",
    ]  # fmt: skip
    assert {"calls", "seconds", "copied_bytes", "endpoints"} <= set(document)
    assert document["calls"]["s3:UploadPartCopy"] >= 1
    assert "s3:GetObject" not in {k for k, v in document["calls"].items() if v > 3}
    file = revisions_file.load(data / FILE)
    assert file.live == document["endpoints"][0]["revision"]
    assert file.live_revision is not None
    main = file.live_revision.variants["main"]
    assert main.release == own_release
    assert "111111111111" not in json.dumps(document["endpoints"][0]["differences"])
    assert main.model_data_url.startswith("s3://slipway-qa-artifacts-222222222222/")

    again = promote(slipway, own_release)
    assert again.code == 0
    assert "Nothing to do: 6 steps looked at, all of them done before." in again.out
    document = json.loads(promote(slipway, own_release, "--format", "json").out)
    assert document["changed"] is False
    assert not {call for call in document["calls"] if ":Create" in call or ":Put" in call or ":Upload" in call}


def test_the_next_steps_are_named(slipway: Call, own_release: str) -> None:
    said = promote(slipway, own_release)
    assert said.out.endswith(
        "Next: commit <data>/environments/qa/endpoints/ranker.revisions.tfvars, and after the review:\n"
        "  make plan ENV=qa ENDPOINT=ranker\n  make apply ENV=qa ENDPOINT=ranker\n"
    )


def test_a_release_that_is_not_in_the_stage_before_is_refused(slipway: Call) -> None:
    said = promote(slipway, "ranker-20200101t000000-0000000")
    assert said.code == 3
    assert "is not in dev (slipway-dev-artifacts-111111111111), from which qa promotes" in said.err
    assert "slipway promote ranker-20200101t000000-0000000 --to dev" in said.err


def test_an_unknown_release_of_the_first_stage(slipway: Call) -> None:
    said = slipway("promote", "ranker-20200101t000000-0000000", "--to", "dev")
    assert said.code == 1
    assert "slipway release list" in said.err


def test_an_edited_revisions_file_is_refused_before_anything_is_changed(
    slipway: Call, own_release: str, data: Path, qa: Session
) -> None:
    path = data / FILE
    path.write_text("live = null\nrevisions = {}\n")
    said = promote(slipway, own_release)
    assert said.code == 3
    assert "does not begin as slipway writes it" in said.err
    assert "git checkout" in said.err
    assert list(qa.artifacts().keys(f"releases/ranker/{own_release}/")) == []


def test_two_promotions_at_once(slipway: Call, own_release: str, data: Path) -> None:
    with locks.held(data / "work/locks/qa-ranker.lock", what="x"):
        said = promote(slipway, own_release)
    assert said.code == 3
    assert "qa/serving/ranker: process" in said.err
    assert "since" in said.err
    assert promote(slipway, own_release).code == 0


def test_credentials_of_another_account_are_refused(
    slipway: Call, own_release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "dev")
    said = promote(slipway, own_release)
    assert said.code == 3
    assert "profile dev belongs to account 111111111111, but environment qa is account 222222222222" in said.err


def test_no_endpoint_serves_the_model(slipway: Call, own_release: str, data: Path) -> None:
    path = data / "environments/qa/endpoints/ranker.tfvars"
    path.write_text(path.read_text().replace('model = "ranker"', 'model = "other"'))
    said = promote(slipway, own_release)
    assert said.code == 2
    assert "no endpoint of qa serves ranker" in said.err
    said = promote(slipway, own_release, "--endpoint", "ranker")
    assert "endpoint ranker of qa does not serve ranker" in said.err


def test_render_takes_todays_settings_with_the_live_release(slipway: Call, own_release: str, data: Path) -> None:
    said = slipway("render", "--env", "qa", "--endpoint", "ranker")
    assert said.code == 3
    assert "no live revision to render anew" in said.err
    promote(slipway, own_release)
    assert "Nothing to do" in slipway("render", "--env", "qa", "--endpoint", "ranker").out
    path = data / "environments/qa/endpoints/ranker.tfvars"
    path.write_text(path.read_text().replace("ml.m5.large", "ml.c5.large"))
    before = (data / FILE).read_text()
    said = slipway("render", "--env", "qa", "--endpoint", "ranker", "--dry-run")
    assert "variants.main.instance_type: ml.m5.large -> ml.c5.large" in said.out
    assert (data / FILE).read_text() == before
    document = json.loads(slipway("render", "--env", "qa", "--endpoint", "ranker", "--format", "json").out)
    assert (document["action"], document["changed"]) == ("new", True)
    file = revisions_file.load(data / FILE)
    assert len(file.revisions) == 2
    assert file.live_revision is not None
    assert file.live_revision.replaces == document["before"]


def test_render_seals_a_merged_file_again(slipway: Call, own_release: str, data: Path) -> None:
    promote(slipway, own_release)
    path = data / FILE
    sealed = path.read_text()
    path.write_text(sealed.replace("# newest: r1", "# newest: r5"))
    assert slipway("render", "--env", "qa", "--endpoint", "ranker").code == 3
    assert "1 revisions checked" in slipway("render", "--env", "qa", "--endpoint", "ranker", "--reseal").out
    assert revisions_file.load(path).newest == 5
    assert "Nothing to do" in slipway("render", "--env", "qa", "--endpoint", "ranker", "--reseal").out


def test_rollback_writes_the_file_only_when_asked_to(slipway: Call, own_release: str, data: Path) -> None:
    said = slipway("rollback", "--env", "qa", "--endpoint", "ranker", "--render-only")
    assert said.code == 3
    promote(slipway, own_release)
    first = revisions_file.load(data / FILE).live
    path = data / "environments/qa/endpoints/ranker.tfvars"
    path.write_text(path.read_text().replace("ml.m5.large", "ml.c5.large"))
    slipway("render", "--env", "qa", "--endpoint", "ranker")
    dry = slipway("rollback", "--env", "qa", "--endpoint", "ranker", "--dry-run")
    assert dry.out == f"Dry run: {first} would be live.\n"
    assert revisions_file.load(data / FILE).live != first
    said = slipway("rollback", "--env", "qa", "--endpoint", "ranker", "--render-only")
    assert said.code == 0
    assert revisions_file.load(data / FILE).live == first
    said = slipway("rollback", "--env", "qa", "--endpoint", "ranker", "--to", "r9-00000000")
    assert (said.code, "Retained: r1-" in said.err) == (2, True)


def test_verify_says_that_nothing_is_there(slipway: Call, own_release: str) -> None:
    said = slipway("verify", "--env", "qa")
    assert said.code == 0
    promote(slipway, own_release)
    said = slipway("verify", "--env", "qa")
    assert said.code == 1
    assert "ranker: it does not exist; apply it first" in said.out
    document = json.loads(slipway("verify", "--env", "qa", "--format", "json").out)
    assert document["endpoints"][0]["truth"]["state"] == "false"


def test_status_shows_every_environment_and_why_one_cannot_be_read(
    slipway: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = slipway("status")
    assert said.code == 0
    check_golden("status", said.out)
    check_golden("status-markdown", slipway("status", "--format", "markdown").out)
    monkeypatch.setenv("AWS_PROFILE", "dev")
    said = slipway("status")
    assert said.code == 1
    check_golden("status-unreadable", said.out)
    document = json.loads(slipway("status", "--format", "json").out)
    assert [row["error"] is None for row in document["endpoints"]] == [True, False]


def test_releases_are_listed_shown_and_approved(slipway: Call, own_release: str) -> None:
    listed = json.loads(slipway("release", "list", "--env", "dev", "--format", "json").out)
    assert own_release in [entry["release"] for entry in listed["releases"]]
    shown = json.loads(slipway("release", "show", own_release, "--env", "dev", "--format", "json").out)
    assert (shown["release"], shown["metrics"]) == (own_release, {"ndcg": 0.75})
    said = slipway("release", "approve", own_release, "--env", "qa")
    assert said.code == 1
    promote(slipway, own_release)
    assert "would be Approved" in slipway("release", "approve", own_release, "--env", "qa", "--dry-run").out
    assert "is Approved in qa" in slipway("release", "approve", own_release, "--env", "qa").out
    assert "Nothing to do" in slipway("release", "approve", own_release, "--env", "qa").out
    assert "is Rejected in qa" in slipway("release", "approve", own_release, "--env", "qa", "--reject").out


def test_create_says_what_it_would_make_and_makes_it_once(slipway: Call, image: str, tmp_path: Path) -> None:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(archive(model_members(create=b"1")))
    words = ("release", "create", "--env", "dev", "--model", "ranker", "--archive", str(path), "--image", image)
    words = (*words, "--commit", "abcdef0123")
    assert "Dry run: would make ranker-" in slipway(*words, "--dry-run").out
    made = json.loads(slipway(*words, "--format", "json").out)
    assert made["changed"] is True
    again = json.loads(slipway(*words, "--format", "json").out)
    assert (again["changed"], again["release"]) == (False, made["release"])
    bad = slipway(*words, "--container-env", "novalue")
    assert (bad.code, "is not NAME=VALUE" in bad.err) == (2, True)
    path.write_bytes(b"no archive")
    bad = slipway(*words)
    assert bad.code == 2
    assert "it is not a gzip-compressed tar" in bad.err


def test_doctor_names_what_is_missing(slipway: Call, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "environments/qa/endpoints/ranker.tfvars").write_text("endpoint = 1\n")
    monkeypatch.setenv("TERRAFORM", "no-such-terraform")
    said = slipway("doctor", "--format", "json")
    findings = {entry["check"]: entry for entry in json.loads(said.out)["findings"]}
    assert said.code == 1
    assert findings["dev: foundation"]["well"]
    assert not findings["qa: files"]["well"]
    assert not findings["terraform"]["well"]
    assert all(entry["remedy"] for entry in findings.values() if not entry["well"] and entry["check"] != "qa: files")


def test_a_gate_that_says_no_is_an_exit_code_and_a_next_command(
    slipway: Call, own_release: str, data: Path, qa: Session
) -> None:
    file = data / "environments" / "qa" / "environment.tfvars"
    gates = 'gates = { evidence = true, approval = true }\n  approvers = ["arn:aws:iam::222222222222:role/owners"]'
    file.write_text(file.read_text().replace("models", f"{gates}\n  models", 1))
    before = list(qa.artifacts().keys("releases/"))
    said = promote(slipway, own_release)
    assert said.code == 3
    assert "2 gates say no" in said.err
    assert f"no valid evidence of dev for {own_release}" in said.err
    assert "slipway verify --env dev" in said.err
    assert list(qa.artifacts().keys("releases/")) == before, "nothing was copied"
    assert promote(slipway, own_release, "--break-glass", "...").code == 2
    assert "nobody may pass the gates of qa" in promote(slipway, own_release, "--break-glass", "search is down").err
