"""Profiles for roles: any AWS tool works in a role by naming one, with the caller's own settings behind it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from glue.aws import credential_process
from glue.aws.accounts import Accounts
from glue.aws.role_profiles import RoleProfiles
from glue.cli.app import App
from glue.core import roles
from glue.errors import RefusedError
from glue.tf.commands import Identity
from glue.workspace import Stack
from sandbox.server import Server

from .conftest import Estate

NAME = "slipway-qa-deploy-serving"


@pytest.fixture(scope="module", autouse=True)
def deploy_roles(estate: Estate) -> Iterator[None]:
    """The other roles that bootstrap makes in qa."""
    iam = estate.client("iam", "qa")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    names = [f"slipway-qa-{role}" for role in (roles.PLAN, roles.DEPLOY_FOUNDATION, roles.DEPLOY_SERVING)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
    yield
    for name in names:
        iam.delete_role_policy(RoleName=name, PolicyName="all")
        iam.delete_role(RoleName=name)


class Caller:
    """A caller with profiles of its own, and the credentials that were kept for it."""

    def __init__(self, estate: Estate, folder: Path) -> None:
        self.estate = estate
        self.profiles = RoleProfiles(folder / "aws", environ=os.environ)
        self.folder = folder / "aws"

    def prepare(self, *, keep: bool = True) -> str:
        """Assume deploy-serving as the glue does and return the profile's name."""

        def kept(environment: Any, role: str, metadata: Any) -> None:
            if keep:
                self.profiles.keep(environment, role, metadata, profile="qa")

        with Accounts(keep=kept) as accounts:
            accounts.session(self.estate.qa, roles.DEPLOY_SERVING)
            return self.profiles.write(self.estate.qa, roles.DEPLOY_SERVING, profile="qa")

    @property
    def request(self) -> Path:
        return self.folder / "roles" / f"{NAME}.json"

    def kept(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.request.with_suffix(".credentials").read_text())
        return found

    def expires_in(self, seconds: float) -> None:
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        changed = {**self.kept(), "Expiration": at.isoformat()}
        self.request.with_suffix(".credentials").write_text(json.dumps(changed))

    def start(self, **changes: str) -> subprocess.Popen[str]:
        """Start the program as a tool does that was told to use the profile."""
        environ = {**os.environ, "AWS_CONFIG_FILE": str(self.profiles.config_file), "AWS_PROFILE": NAME, **changes}
        program = str(Path(credential_process.__file__))
        return subprocess.Popen(
            [sys.executable, "-I", program, str(self.request)],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **changes: str) -> tuple[int, str, str]:
        started = self.start(**changes)
        out, err = started.communicate(timeout=60)
        return started.returncode, out, err


@pytest.fixture
def caller(estate: Estate, tmp_path: Path) -> Caller:
    return Caller(estate, tmp_path)


def log(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.application.settings.requests_log.read_text().splitlines()]


def test_a_profile_is_a_role(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert caller.prepare() == NAME
    monkeypatch.setenv("AWS_CONFIG_FILE", str(caller.profiles.config_file))
    client: Any = boto3.Session(profile_name=NAME).client("sts", region_name="eu-west-1")
    try:
        assert f":assumed-role/{NAME}/slipway-" in client.get_caller_identity()["Arn"]
    finally:
        client.close()


def test_what_was_assumed_is_printed_without_asking_again(caller: Caller, server: Server) -> None:
    caller.prepare()
    before = len(log(server))
    code, out, err = caller.run()
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer == {"Version": 1, **{name: caller.kept()[name] for name in answer if name != "Version"}}
    assert set(answer) == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert len(log(server)) == before


def test_only_this_user_reads_what_is_kept(caller: Caller) -> None:
    caller.prepare()
    assert stat.S_IMODE(caller.folder.stat().st_mode) == 0o700
    files = [path for path in caller.folder.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    secret = caller.kept()["SecretAccessKey"]
    assert [path.name for path in files if secret in path.read_text()] == [f"{NAME}.credentials"]


@pytest.mark.parametrize("seconds", [-60, 600])
def test_credentials_that_end_soon_are_renewed(caller: Caller, seconds: float) -> None:
    caller.prepare()
    old = caller.kept()["AccessKeyId"]
    caller.expires_in(seconds)
    code, out, _ = caller.run()
    assert code == 0
    assert json.loads(out)["AccessKeyId"] == caller.kept()["AccessKeyId"] != old
    assert credential_process.left_s(caller.kept()) > 3000


def test_many_at_once_renew_once(caller: Caller) -> None:
    caller.prepare()
    caller.expires_in(0)
    started = [caller.start() for _ in range(4)]
    answers = [json.loads(process.communicate(timeout=120)[0])["AccessKeyId"] for process in started]
    assert len(set(answers)) == 1


def test_nothing_kept_is_no_hindrance(caller: Caller) -> None:
    caller.prepare(keep=False)
    code, out, err = caller.run()
    assert (code, err) == (0, "")
    assert json.loads(out)["AccessKeyId"] == caller.kept()["AccessKeyId"]


def test_another_callers_credentials_are_never_given_out(caller: Caller) -> None:
    caller.prepare()
    first = caller.kept()["AccessKeyId"]
    request = json.loads(caller.request.read_text())
    request["variables"]["AWS_PROFILE"] = "dev"
    caller.request.write_text(json.dumps(request, sort_keys=True))
    code, out, err = caller.run()
    assert (code, out) == (1, "")
    assert "profile dev belongs to account 111111111111, but environment qa is account 222222222222" in err
    assert first == caller.kept()["AccessKeyId"]


def test_the_callers_own_keys_travel_under_another_name(caller: Caller, estate: Estate, tmp_path: Path) -> None:
    session = boto3.Session(profile_name="qa").get_credentials()
    assert session is not None
    keys = session.get_frozen_credentials()
    caller.profiles = RoleProfiles(tmp_path / "aws", environ={"AWS_CONFIG_FILE": str(tmp_path / "none")})
    caller.profiles.write(estate.qa, roles.DEPLOY_SERVING, profile=None)
    code, out, err = caller.run(
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "none"),
        SLIPWAY_CALLER_AWS_ACCESS_KEY_ID=str(keys.access_key),
        SLIPWAY_CALLER_AWS_SECRET_ACCESS_KEY=str(keys.secret_key),
        SLIPWAY_CALLER_AWS_SESSION_TOKEN=str(keys.token),
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["AccessKeyId"] != keys.access_key


def test_what_else_the_callers_profile_says_stays(
    caller: Caller, estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "own"
    config.write_text(
        "[profile jo]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = person\nsso_region = x\nregion = us-east-1\n"
        "max_attempts = 7\ns3 =\n  addressing_style = path\nservices = local\n\n"
        "[services local]\ns3 =\n  endpoint_url = http://127.0.0.1:1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    caller.profiles.write(estate.qa, roles.DEPLOY_SERVING, profile="jo")
    caller.profiles.write(estate.qa, roles.DEPLOY_FOUNDATION, profile="jo")
    found = ConfigParser()
    found.read(caller.profiles.config_file)
    profile = dict(found[f"profile {NAME}"])
    assert sys.executable in profile.pop("credential_process")
    assert profile == {
        "region": "eu-west-1",
        "max_attempts": "7",
        "s3": "\naddressing_style = path",
        "services": NAME,
    }
    assert found[f"services {NAME}"]["s3"] == "\nendpoint_url = http://127.0.0.1:1"
    assert "profile slipway-qa-deploy-foundation" in found


@pytest.fixture
def as_role(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make this process hold a role's own keys, as a pipeline does after it assumed the role."""

    def become(role: str) -> None:
        answer = estate.client("sts", "qa").assume_role(RoleArn=estate.qa.role_arn(role), RoleSessionName="pipeline")
        keys = answer["Credentials"]
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
        monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])

    return become


@pytest.mark.parametrize("role", [roles.PROMOTE, roles.DEPLOY_SERVING])
def test_a_role_that_one_has_is_not_assumed(estate: Estate, as_role: Any, role: str) -> None:
    as_role(role)
    with Accounts() as accounts:
        session = accounts.session(estate.qa, role)
        assert session.assumed is None
        assert session.caller == f"arn:aws:sts::222222222222:assumed-role/slipway-qa-{role}/pipeline"
        assert "sts:AssumeRole" not in accounts.api_calls["qa"]


def test_one_role_does_not_assume_another(estate: Estate, as_role: Any) -> None:
    as_role(roles.DEPLOY_SERVING)
    with Accounts() as accounts, pytest.raises(RefusedError) as caught:
        accounts.session(estate.qa)
    assert str(caught.value) == (
        "these credentials are of arn:aws:sts::222222222222:assumed-role/slipway-qa-deploy-serving/pipeline, and this "
        "is the work of arn:aws:iam::222222222222:role/slipway-qa-promote\n"
        "  The roles do not assume one another. Use credentials that may assume it, or a step of the pipeline with the "
        "role promote."
    )


def test_the_plan_role_plans_everything_and_changes_nothing(estate: Estate, as_role: Any) -> None:
    as_role(roles.PLAN)
    with Accounts() as accounts:
        for stack in ("bootstrap", "foundation", "serving"):
            assert accounts.terraform(estate.qa, stack, changes=False).assumed is None
            with pytest.raises(RefusedError):
                accounts.terraform(estate.qa, stack, changes=True)


def test_bootstrap_is_for_administrators(estate: Estate, as_role: Any) -> None:
    as_role(roles.DEPLOY_FOUNDATION)
    with Accounts() as accounts, pytest.raises(RefusedError, match="bootstrap makes that role"):
        accounts.terraform(estate.qa, "bootstrap", changes=False)


def test_each_root_has_its_role(estate: Estate) -> None:
    with Accounts() as accounts:
        found = {
            stack: accounts.terraform(estate.qa, stack, changes=True).assumed
            for stack in ("bootstrap", "foundation", "serving")
        }
    assert found == {"bootstrap": None, "foundation": "deploy-foundation", "serving": "deploy-serving"}


def test_pipelines_with_a_token_have_each_role_by_that_token(
    estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    seen: list[tuple[str, str]] = []

    def answers(client: Any, operation: str, request: dict[str, Any]) -> Any:
        if operation == "GetCallerIdentity":
            arn = "arn:aws:sts::222222222222:assumed-role/slipway-qa-plan/pipeline"
            return {"Account": "222222222222", "Arn": arn}
        seen.append((request["RoleArn"].rpartition("/")[2], request["WebIdentityToken"]))
        end = datetime.now(UTC) + timedelta(hours=1)
        keys = {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": end}
        return {"Credentials": keys, "AssumedRoleUser": {"Arn": "arn:aws:sts::222222222222:assumed-role/r/s"}}

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", answers)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", estate.qa.role_arn(roles.PLAN))
    with Accounts() as accounts:
        assert accounts.session(estate.qa, roles.DEPLOY_SERVING).assumed == roles.DEPLOY_SERVING
        token.write_text("renewed\n")
        accounts.session(estate.qa, roles.PROMOTE)
    assert seen[-2:] == [("slipway-qa-deploy-serving", "first"), ("slipway-qa-promote", "renewed")]


def test_terraform_gets_the_role_by_its_profile(
    estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(environ={**os.environ, "SLIPWAY_WORK": str(tmp_path)})
    identity = app.identity(Stack(estate.qa, "serving", "ranker"))
    app.close()
    assert identity == Identity({"AWS_CONFIG_FILE": str(tmp_path / "aws" / "config"), "AWS_PROFILE": NAME})
    assert (tmp_path / "aws" / "roles" / f"{NAME}.credentials").is_file()


def test_bootstrap_gets_the_caller_as_he_is(estate: Estate, tmp_path: Path) -> None:
    app = App(environ={**os.environ, "SLIPWAY_WORK": str(tmp_path)})
    assert app.identity(Stack(estate.qa, "bootstrap")) == Identity({"AWS_PROFILE": "qa"})
    app.close()
    assert not (tmp_path / "aws").exists()


def test_a_callers_keys_are_passed_on_to_the_profiles_program(
    estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = boto3.Session(profile_name="qa").get_credentials()
    assert found is not None
    keys = found.get_frozen_credentials()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name, value in zip(credential_process.KEYS, (keys.access_key, keys.secret_key, keys.token), strict=True):
        monkeypatch.setenv(name, str(value))
    app = App(environ={**os.environ, "SLIPWAY_WORK": str(tmp_path)})
    identity = app.identity(Stack(estate.qa, "serving", "ranker"))
    app.close()
    assert identity.without == credential_process.KEYS
    assert identity.passed == {f"SLIPWAY_CALLER_{name}": name for name in credential_process.KEYS}
    assert identity.variables["AWS_PROFILE"] == NAME


def test_the_plan_role_takes_no_lock(estate: Estate, as_role: Any, tmp_path: Path) -> None:
    as_role(roles.PLAN)
    app = App(environ={**os.environ, "SLIPWAY_WORK": str(tmp_path)})
    assert app.identity(Stack(estate.qa, "serving", "ranker")) == Identity(locks=False)
    app.close()
