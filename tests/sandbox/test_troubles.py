"""Bad input and bad days on running accounts: one clear error, nothing half done, and a rerun that finishes."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from tests.sandbox.estate import Estate

pytestmark = pytest.mark.sandbox
UNKNOWN = "ranker-20200101t000000-0000000"


def refused(said, code: int, *words: str) -> None:
    """One clear error: the exit code, every word in it, and no traceback."""
    text = said.out + said.err
    assert said.code == code, text
    for word in words:
        assert word in text, f"{word!r} is not in {text}"
    assert "Traceback" not in text


def test_an_unknown_environment_names_the_known_ones(estate: Estate):
    refused(estate.slipway("promote", UNKNOWN, "--to", "staging"), 2, "staging", "dev", "qa", "production")


def test_an_unknown_endpoint_names_the_known_ones(estate: Estate):
    refused(estate.slipway("verify", "--env", "qa", "--endpoint", "rancor"), 2, "rancor", "ranker")


def test_an_unknown_release_is_refused_and_says_where_it_was_looked_for(estate: Estate):
    said = estate.slipway("promote", UNKNOWN, "--to", "qa")
    assert said.code in {1, 2, 3}
    refused(said, said.code, UNKNOWN, "dev")


def test_a_release_goes_through_every_stage(estate: Estate, tmp_path):
    """A release of dev alone is refused by production; the message names qa."""
    made = new_release(estate, tmp_path, "only-in-dev")
    refused(estate.slipway("promote", made, "--to", "production"), 3, made, "qa")
    assert estate.live_release("production") == estate.release("first")


def test_credentials_of_another_account_change_nothing(estate: Estate):
    before = estate.mark()
    said = estate.slipway("promote", estate.release("first"), "--to", "qa", AWS_PROFILE="dev")
    refused(said, 3, "111111111111", "222222222222")
    assert {line["operation"] for line in estate.requests(before)} <= {"AssumeRole", "GetCallerIdentity"}


def test_a_profile_that_is_not_there_is_said(estate: Estate):
    refused(estate.slipway("verify", "--env", "qa", AWS_PROFILE="nobody"), 1, "nobody")


def test_expired_credentials_are_said(estate: Estate):
    keys = {"AWS_ACCESS_KEY_ID": "ASIAEXPIREDEXPIRED00", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x"}
    config = estate.environments.parent / "no-profiles"
    config.write_text("")
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(config)}
    said = estate.slipway("verify", "--env", "qa", **keys, **files)
    refused(said, 1, "credentials")


def test_missing_credentials_are_said(estate: Estate):
    config = estate.environments.parent / "no-profiles"
    config.write_text("")
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(config)}
    refused(estate.slipway("verify", "--env", "qa", **files), 1, "credentials")


def test_a_denial_names_action_and_role_and_is_not_read_as_absent(estate: Estate):
    """The promote role of a project that was never bootstrapped does not exist, which AWS answers with a denial."""
    file = estate.environments / "qa" / "environment.tfvars"
    before = file.read_text()
    try:
        file.write_text(before.replace('"slipway"', '"other"'))
        refused(estate.slipway("verify", "--env", "qa"), 1, "sts:AssumeRole", "other-qa-promote")
    finally:
        file.write_text(before)


def test_no_network_is_one_error_within_seconds(estate: Estate):
    began = time.monotonic()
    nowhere = "http://127.0.0.1:9"
    said = estate.slipway(
        "verify", "--env", "qa", AWS_ENDPOINT_URL=nowhere, AWS_ENDPOINT_URL_S3=nowhere, AWS_ENDPOINT_URL_STS=nowhere
    )
    refused(said, 1, "127.0.0.1:9")
    assert time.monotonic() - began < 30


def test_a_revisions_file_edited_by_hand_is_refused_and_kept(estate: Estate):
    file = estate.revisions_file("qa")
    before = file.read_text()
    edited = before.replace("ml.m5.large", "ml.m5.xlarge")
    try:
        for text in (edited, before + "\n}", "live = \n"):
            file.write_text(text)
            said = estate.slipway("promote", estate.release("first"), "--to", "qa")
            assert said.code in {1, 3}
            refused(said, said.code, file.name)
            assert file.read_text() == text
    finally:
        file.write_text(before)


def test_of_two_promotions_at_once_one_waits_its_turn(estate: Estate):
    """The first holds the endpoint while Terraform waits for a state lock of somebody else; the second is refused."""
    release = estate.release("first")
    with locked_state(estate, "qa"):
        first = estate.start("promote", release, "--to", "qa", "--apply", "--yes")
        try:
            deadline = time.monotonic() + 60
            while not estate.terraform_processes():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            refused(estate.slipway("promote", release, "--to", "qa"), 3, "qa", str(first.pid))
        finally:
            first.wait(120)
    assert estate.live_release("qa") == estate.release("second")


def test_a_state_locked_by_somebody_else_is_refused_and_says_by_whom(estate: Estate):
    before = estate.revisions_file("qa").read_text()
    with locked_state(estate, "qa"):
        refused(
            estate.slipway("promote", estate.release("first"), "--to", "qa", "--apply", "--yes"),
            3,
            "colleague@elsewhere",
        )
    assert estate.revisions_file("qa").read_text() == before
    assert estate.live_release("qa") == estate.release("second")


def test_a_manifest_that_does_not_match_its_files_is_refused(estate: Estate, tmp_path):
    made = new_release(estate, tmp_path, "damaged")
    s3 = estate.client("dev", "s3")
    bucket, key = "slipway-dev-artifacts-111111111111", f"releases/ranker/{made}/model.tar.gz"
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)  # it lets nobody delete a version, not even an administrator
    for version in s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    said = estate.slipway("promote", made, "--to", "qa")
    assert said.code in {1, 3}
    refused(said, said.code, made, "model.tar.gz")


def test_an_interrupt_is_passed_on_and_leaves_no_lock(estate: Estate, tmp_path):
    release = new_release(estate, tmp_path, "interrupted")
    started = estate.start("promote", release, "--to", "qa", "--apply", "--yes")
    deadline = time.monotonic() + 60
    while not estate.terraform_processes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    assert started.wait(120) != 0
    assert estate.terraform_processes() == []
    said = estate.slipway("promote", release, "--to", "qa", "--apply", "--yes")
    assert said.code == 0, said.err
    assert estate.live_release("qa") == release


def new_release(estate: Estate, folder, seed: str) -> str:
    """Make one release more in dev: the first model, with a file of its own that makes its content another."""
    archive = folder / "model.tar.gz"
    s3 = estate.client("dev", "s3")
    key = f"releases/ranker/{estate.release('first')}/model.tar.gz"
    s3.download_file("slipway-dev-artifacts-111111111111", key, str(archive))
    work = folder / "unpacked"
    work.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", work], check=True)
    (work / "note.txt").write_text(seed)
    subprocess.run(["tar", "-czf", archive, "-C", work, "."], check=True)
    digest = estate.report["environments"]["dev"]["endpoints"]["ranker"]["image_digest"]
    said = estate.slipway(
        "release", "create", "--env", "dev", "--model", "ranker", "--archive", str(archive), "--image", digest,
        "--format", "json",
    )  # fmt: skip
    assert said.code == 0, said.err
    release = said.document["release"]
    return str(release["release"] if isinstance(release, dict) else release)


class locked_state:  # noqa: N801 - reads as a statement of the test
    """A colleague's Terraform holds the endpoint's state."""

    def __init__(self, estate: Estate, environment: str) -> None:
        account = {"qa": "222222222222", "production": "333333333333"}[environment]
        self.s3 = estate.client(environment, "s3")
        self.place = {"Bucket": f"slipway-{environment}-tfstate-{account}", "Key": "serving/ranker.tfstate.tflock"}

    def __enter__(self) -> None:
        note = {
            "ID": "11111111-2222-3333-4444-555555555555",
            "Operation": "OperationTypeApply",
            "Info": "",
            "Who": "colleague@elsewhere",
            "Version": "1.11.4",
            "Created": "2026-01-01T00:00:00Z",
            "Path": "slipway-qa-tfstate-222222222222/serving/ranker.tfstate",
        }
        self.s3.put_object(**self.place, Body=json.dumps(note).encode())

    def __exit__(self, *_: object) -> None:
        self.s3.delete_object(**self.place)
