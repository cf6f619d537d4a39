"""A server inside this process, with fresh accounts for each module, and requests that are signed by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.server import Server, running_in

Client = Callable[..., Any]
_VARIABLES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "SANDBOX_IAM")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ["SANDBOX_IAM"] = "enforce"
    running = running_in(Path(tmp_path_factory.mktemp("sandbox")), free_port()).start()
    settings = running.application.settings
    os.environ |= {
        "AWS_CONFIG_FILE": str(settings.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(settings.aws_credentials),
        "AWS_ENDPOINT_URL": settings.url,
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    yield running
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    running.close()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    """Make a client of a service as one of the profiles; no retries, so that every answer is seen as it is."""
    sessions: dict[str, boto3.Session] = {}
    made: list[Any] = []

    def make(service: str, profile: str = "dev", **config: Any) -> Any:
        session = sessions.setdefault(profile, boto3.Session(profile_name=profile))
        config.setdefault("retries", {"total_max_attempts": 1})
        made.append(session.client(service, config=Config(**config)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def credentials(server: Server) -> Any:
    """The operator of dev: access_key, secret_key, token."""
    return boto3.Session(profile_name="dev").get_credentials().get_frozen_credentials()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    return f"127.0.0.1:{server.application.settings.port}"


@pytest.fixture(scope="module")
def bucket(client: Callable[..., Any]) -> str:
    client("s3").create_bucket(Bucket="authn-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return "authn-bucket"


@pytest.fixture
def stored(client: Callable[..., Any], bucket: str) -> Callable[[str], bool]:
    def look(key: str) -> bool:
        return key in [one["Key"] for one in client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]

    return look
