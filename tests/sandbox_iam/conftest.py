"""A server inside this process that enforces IAM, and roles made through its own API."""

from __future__ import annotations

import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.iam import enforce
from sandbox.server import Server, running_in

REGION = "eu-west-1"
ACCOUNTS = {"dev": "111111111111", "qa": "222222222222", "production": "333333333333"}
_numbers = itertools.count(1)
Statement = dict[str, Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    enforce.use("enforce")
    running = running_in(Path(tmp_path_factory.mktemp("sandbox")), free_port()).start()
    settings = running.application.settings
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(settings.aws_config))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(settings.aws_credentials))
        patch.setenv("AWS_ENDPOINT_URL", settings.url)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield running
    running.close()
    enforce.use(None)


@dataclass
class Actor:
    """A role, and clients that act as it."""

    arn: str
    keys: dict[str, str] = field(repr=False)
    made: list[Any] = field(repr=False)

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    def client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1})
        self.made.append(_session().client(service, region_name=REGION, config=config, **self.keys))
        return self.made[-1]


@cache
def _session() -> Any:
    """One session reads the service models once."""
    return boto3.Session()


class Estate:
    """Three accounts: their operators, and roles for whoever asks."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self._operators = {name: Actor("", _keys_of(boto3.Session(profile_name=name)), self.made) for name in ACCOUNTS}
        self._clients: dict[tuple[str, str], Any] = {}

    def operator(self, service: str, account: str = "dev") -> Any:
        """Return a client of the account's administrator."""
        key = (service, account)
        if key not in self._clients:
            self._clients[key] = self._operators[account].client(service)
        return self._clients[key]

    def create_role(
        self, *statements: Statement, account: str = "dev", trust: Statement | None = None, name: str = "", **more: Any
    ) -> str:
        """Make a role with these statements and return its ARN; its own account's IAM says who may assume it."""
        iam = self.operator("iam", account)
        name = name or f"role-{next(_numbers)}"
        own = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNTS[account]}:root"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust or own), **more)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=document(*statements))
        return str(made["Role"]["Arn"])

    def role(
        self, *statements: Statement, account: str = "dev", session: dict[str, Any] | None = None, **more: Any
    ) -> Actor:
        """Make a role and act as it."""
        return self.assume(self.create_role(*statements, account=account, **more), account=account, **(session or {}))

    def assume(self, arn: str, *, account: str = "dev", sts: Any = None, **more: Any) -> Actor:
        found = (sts or self.operator("sts", account)).assume_role(RoleArn=arn, RoleSessionName="test", **more)[
            "Credentials"
        ]
        keys = {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }
        return Actor(arn, keys, self.made)

    def bucket(self, name: str, account: str = "dev", **policy: Any) -> str:
        """Make a bucket and return its ARN."""
        s3 = self.operator("s3", account)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return f"arn:aws:s3:::{name}"

    def close(self) -> None:
        for one in self.made:
            one.close()


def _keys_of(session: Any) -> dict[str, str]:
    found = session.get_credentials().get_frozen_credentials()
    return {
        "aws_access_key_id": found.access_key,
        "aws_secret_access_key": found.secret_key,
        "aws_session_token": found.token,
    }


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **condition: Any) -> Statement:
    statement: Statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def deny(action: str | list[str], resource: str | list[str] = "*", **condition: Any) -> Statement:
    return {**allow(action, resource, **condition), "Effect": "Deny"}


def to(principal: Any, statement: Statement) -> Statement:
    """Return the statement for a resource's policy."""
    return {**statement, "Principal": principal}


@pytest.fixture(scope="session")
def estate(server: Server) -> Iterator[Estate]:
    made = Estate()
    yield made
    made.close()


@pytest.fixture
def make_bucket(estate: Estate) -> Callable[..., str]:
    def make(account: str = "dev") -> str:
        name = f"bucket-{next(_numbers)}"
        estate.bucket(name, account)
        return name

    return make
