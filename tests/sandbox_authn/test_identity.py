"""Keys that are of no use, and requests without any."""

from __future__ import annotations

import dataclasses
import datetime
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox import identity, sessions
from sandbox.errors import AwsError
from sandbox.server import Server
from tests.sandbox_core.helpers import refused

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}


def stranger(key: str = "AKIAABCDEFGHIJKLMNOP", secret: str = "wrong", **more: Any) -> Callable[[str], Any]:  # noqa: S107  (no secret)
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="eu-west-1", **more)
    return lambda service: session.client(service, config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.parametrize(
    ("service", "call", "expected"),
    [
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html and each service's own list
        ("sts", "get_caller_identity", ("InvalidClientTokenId", 403)),
        ("iam", "list_roles", ("InvalidClientTokenId", 403)),
        ("s3", "list_buckets", ("InvalidAccessKeyId", 403)),
        ("ssm", "describe_parameters", ("UnrecognizedClientException", 400)),
        ("lambda", "list_functions", ("UnrecognizedClientException", 403)),
    ],
)
def test_an_unknown_key_belongs_to_no_account(
    server: Server, service: str, call: str, expected: tuple[str, int]
) -> None:
    assert refused(getattr(stranger()(service), call)) == expected


def test_a_role_that_does_not_exist_is_access_denied(client: Callable[..., Any]) -> None:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; moto hands out credentials
    call = {"RoleArn": "arn:aws:iam::222222222222:role/slipway-qa-promote", "RoleSessionName": "me"}
    assert refused(client("sts").assume_role, **call) == ("AccessDenied", 403)


def test_temporary_credentials_need_their_token_and_their_time(client: Callable[..., Any]) -> None:
    client("iam").create_role(RoleName="timed", AssumeRolePolicyDocument=json.dumps(TRUST))
    made = identity.role_credentials("arn:aws:iam::111111111111:role/timed", session_name="test")
    token = {"aws_session_token": made.session_token, "secret": made.secret_access_key}
    assert stranger(made.access_key_id, **token)("sts").get_caller_identity()["Account"] == "111111111111"
    assert refused(stranger(made.access_key_id)("sts").get_caller_identity)[0] == "InvalidClientTokenId"
    wrong = stranger(made.access_key_id, aws_session_token="other")
    assert refused(wrong("s3").list_buckets) == ("InvalidToken", 400)
    sessions.replace(dataclasses.replace(made, expiration=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)))
    late = stranger(made.access_key_id, **token)
    assert refused(late("sts").get_caller_identity) == ("ExpiredToken", 403)
    assert refused(late("s3").list_buckets) == ("ExpiredToken", 400)
    assert refused(late("ssm").describe_parameters) == ("ExpiredTokenException", 400)
    with pytest.raises(AwsError, match="AccessDenied"):
        identity.role_credentials("arn:aws:iam::111111111111:role/none", session_name="test")


def test_nobody_is_let_in_unsigned(server: Server) -> None:
    url = server.application.settings.url
    for path, body in (("/some-bucket/key", None), ("/", b"Action=GetCallerIdentity"), ("/moto-api/reset", b"")):
        request = urllib.request.Request(f"{url}{path}", data=body)  # noqa: S310
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)  # noqa: S310
        with caught.value as error:
            assert error.code == 403, path


def test_an_account_cannot_be_chosen_by_a_header(client: Callable[..., Any]) -> None:
    sts = client("sts")
    sts.meta.events.register(
        "before-sign.sts.GetCallerIdentity",
        lambda request, **_: request.headers.add_header("x-moto-account-id", "333333333333"),
    )
    assert sts.get_caller_identity()["Account"] == "111111111111"
