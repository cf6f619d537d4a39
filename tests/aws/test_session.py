"""Whose credentials, which account, which role: decided before anything else."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

import glue.aws.clients
from glue.aws.accounts import Accounts
from glue.core.environment import Environment
from glue.errors import AccessDeniedError, AwsError, CredentialsError, RefusedError, UsageError

from .conftest import DEV, REGION, Estate


def test_works_in_the_promote_role_of_the_environment(accounts: Accounts, estate: Estate) -> None:
    session = accounts.session(estate.qa)
    assert session.caller == "arn:aws:iam::222222222222:role/slipway-qa-promote"
    identity = session.client("sts").get_caller_identity()
    assert ":assumed-role/slipway-qa-promote/slipway-" in identity["Arn"]
    assert accounts.session(estate.qa) is session


def test_counts_calls_by_service_and_operation(estate: Estate) -> None:
    with Accounts() as accounts:
        session = accounts.session(estate.dev)
        before = session.calls.total
        session.parameters.foundation(estate.dev)
        session.parameters.foundation(estate.dev)
        assert session.calls.total == before + 1
        assert session.calls.by_operation()["ssm:GetParameter"] == 1
        assert accounts.api_calls["dev"]["sts:AssumeRole"] >= 1


def test_the_role_of_the_session_names_the_user(estate: Estate) -> None:
    with Accounts(environ={"USER": "jo doe/é"}) as accounts:
        identity = accounts.session(estate.dev).client("sts").get_caller_identity()
        assert identity["Arn"].endswith("/slipway-jo-doe--")


def test_other_accounts_credentials_are_refused_with_both_accounts_and_the_profile(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "qa")
    with Accounts() as accounts, pytest.raises(RefusedError) as caught:
        accounts.session(estate.dev)
    assert str(caught.value) == (
        "profile qa belongs to account 222222222222, but environment dev is account 111111111111\n"
        "  Set AWS_PROFILE to a profile of account 111111111111, or name a profile 'dev' in your AWS configuration."
    )


def test_a_missing_promote_role_points_to_bootstrap(estate: Estate) -> None:
    production = Environment("production", "333333333333", REGION)
    with Accounts() as accounts, pytest.raises(AccessDeniedError) as caught:
        accounts.session(production)
    message = str(caught.value)
    assert "may not assume arn:aws:iam::333333333333:role/slipway-production-promote" in message
    assert "Has terraform/bootstrap been applied in this account?" in message


def test_an_unknown_profile_is_a_credentials_error(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with Accounts() as accounts, pytest.raises(CredentialsError, match=r"The config profile \(nobody\) could not be"):
        accounts.session(estate.dev)


def test_no_credentials_at_all(estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with Accounts() as accounts, pytest.raises(CredentialsError) as caught:
        accounts.session(estate.dev)
    assert "Unable to locate credentials" in str(caught.value)
    assert f"account {DEV}" in str(caught.value)
    assert "AWS_PROFILE" in str(caught.value)


def test_unknown_keys_are_a_credentials_error(estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text("[dev]\naws_access_key_id = AKIAAAAAAAAAAAAAAAAA\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    with Accounts() as accounts, pytest.raises(CredentialsError, match="profile dev"):
        accounts.session(estate.dev)


def test_a_dead_endpoint_is_one_error_within_seconds(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    began = time.monotonic()
    with Accounts() as accounts, pytest.raises(AwsError, match="AWS did not answer") as caught:
        accounts.session(estate.dev)
    assert time.monotonic() - began < 15
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "Check the network" in str(caught.value)


def test_a_silent_endpoint_is_given_up_within_seconds(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glue.aws.clients, "IMPATIENT", (1, 1))
    with socket.socket() as listener:  # takes connections, says nothing
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        began = time.monotonic()
        with Accounts() as accounts, pytest.raises(AwsError, match="AWS did not answer"):
            accounts.session(estate.dev)
        assert time.monotonic() - began < 10


def test_an_endpoint_that_is_no_url_is_a_usage_error(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with Accounts() as accounts, pytest.raises(UsageError, match="no client can be made: Invalid endpoint") as caught:
        accounts.session(estate.dev)
    assert "AWS_ENDPOINT_URL" in str(caught.value)


def test_an_aws_configuration_that_is_no_ini_file(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("nonsense")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with Accounts() as accounts, pytest.raises(CredentialsError, match="Unable to parse config file"):
        accounts.session(estate.dev)


def test_secrets_do_not_show(accounts: Accounts, estate: Estate) -> None:
    assert repr(accounts.session(estate.dev)) == "Session(dev, arn:aws:iam::111111111111:role/slipway-dev-promote)"
