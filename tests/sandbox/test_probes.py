"""Real calls by real roles that must be denied: policy/probes.toml, in qa and in production."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox.estate import REPOSITORY, Estate

pytestmark = pytest.mark.sandbox

REGION = "eu-west-1"
ACCOUNTS = {"dev": "111111111111", "qa": "222222222222", "production": "333333333333"}
FROM = {"qa": "dev", "production": "qa"}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
PROBES = tomllib.loads((REPOSITORY / "policy" / "probes.toml").read_text())["probes"]
CASES = [(env, role, probe) for env in FROM for probe in PROBES for role in probe["roles"]]


def name(case: tuple[str, str, dict[str, Any]]) -> str:
    env, role, probe = case
    return f"{env}-{role}-{probe['call']}-{PROBES.index(probe)}"


@pytest.fixture(scope="module")
def clients(estate: Estate) -> Callable[[str, str, str], Any]:
    """Clients of a role's session, which the account's administrator assumed."""

    @cache
    def session(env: str, role: str) -> dict[str, str]:
        arn = f"arn:aws:iam::{ACCOUNTS[env]}:role/slipway-{env}-{role}"
        given = estate.client(env, "sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    @cache
    def client(env: str, role: str, service: str) -> Any:
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        url = estate.environ["AWS_ENDPOINT_URL"]
        return boto3.client(service, region_name=REGION, endpoint_url=url, config=config, **session(env, role))

    return client


@pytest.fixture(scope="module")
def names(estate: Estate) -> Callable[[str], dict[str, str]]:
    """What the templates of the probes stand for in an environment."""

    @cache
    def of(env: str) -> dict[str, str]:
        other = FROM[env]
        aliases = estate.client(env, "kms").list_aliases()["Aliases"]
        (key,) = (one["TargetKeyId"] for one in aliases if one["AliasName"] == f"alias/slipway-{env}-tfstate")
        return {
            "env": env,
            "prefix": f"slipway-{env}",
            "account": ACCOUNTS[env],
            "region": REGION,
            "other_prefix": f"slipway-{other}",
            "other_account": ACCOUNTS[other],
            "state_key": f"arn:aws:kms:{REGION}:{ACCOUNTS[env]}:key/{key}",
            "release": estate.live_release(env),
        }

    return of


def filled(value: Any, given: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(one, given) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, given) for one in value]
    if isinstance(value, str):
        for key, text in given.items():
            value = value.replace("{" + key + "}", text)
    return value


@pytest.mark.parametrize("case", CASES, ids=name)
def test_is_denied(
    case: tuple[str, str, dict[str, Any]],
    clients: Callable[[str, str, str], Any],
    names: Callable[[str], dict[str, str]],
    estate: Estate,
) -> None:
    env, role, probe = case
    service, _, operation = probe["call"].partition(".")
    call = getattr(clients(env, role, service), operation)
    with pytest.raises(ClientError) as denied:
        call(**filled(probe["with"], names(env)))
    error = denied.value.response["Error"]
    assert error["Code"] in DENIED, error
    who = f"assumed-role/slipway-{env}-{role}/probe"
    if service == "s3" and "{other_" in str(probe["with"]):
        assert error["Message"] == "Access Denied", "S3 says no more to another account"
        assert (probe["action"], f"arn:aws:sts::{ACCOUNTS[env]}:{who}") in last_denials(estate)
    else:
        assert probe["action"] in error["Message"], "a denial names the action"
        assert who in error["Message"], "and who asked"


def last_denials(estate: Estate) -> set[tuple[str, str]]:
    """Actions and principals that the sandbox noted last: one request may need several permissions."""
    lines = (Path(estate.environ["SANDBOX_HOME"]) / "denials.jsonl").read_text().splitlines()[-3:]
    return {(one["action"], one["principal"]) for one in map(json.loads, lines)}


def test_there_are_enough() -> None:
    assert len(CASES) >= 200
    assert all(probe["why"] for probe in PROBES)
    assert len({(role, probe["call"], str(probe["with"])) for _, role, probe in CASES}) >= 100
