"""One server inside this process for all tests, whose resources have names of their own; 600 times as fast as AWS."""

from __future__ import annotations

import io
import json
import os
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.iam import enforce
from sandbox.runtime import clock as clocks
from sandbox.server import Server, running_in

Client = Callable[..., Any]
REGION = "eu-west-1"
DEV, QA = "111111111111", "222222222222"
SPEED = 600.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    clocks.share(clocks.Clock(SPEED))
    enforce.use("enforce")
    running = running_in(Path(tmp_path_factory.mktemp("sandbox")), free_port()).start()
    names = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
    before = {name: os.environ.get(name) for name in names}
    settings = running.application.settings
    os.environ |= {
        "AWS_CONFIG_FILE": str(settings.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(settings.aws_credentials),
        "AWS_ENDPOINT_URL": settings.url,
        "AWS_DEFAULT_REGION": REGION,
    }
    yield running
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    running.close()
    enforce.use(None)


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Client]:
    """Make a client of a service as one of the profiles; no retries, so that every answer is seen as it is."""
    sessions: dict[str, Any] = {}
    made: dict[tuple[str, str], Any] = {}

    def make(service: str, profile: str = "dev") -> Any:
        if (service, profile) not in made:
            session = sessions.setdefault(profile, boto3.Session(profile_name=profile))
            one = session.client(service, config=Config(retries={"total_max_attempts": 1}))
            _ = one.exceptions  # botocore makes these classes at the first error: twice, when two threads meet one
            made[service, profile] = one
        return made[service, profile]

    yield make
    for one in made.values():
        one.close()


def until(read: Callable[[], Any], done: Callable[[Any], object] = bool, *, within: float = 10.0) -> Any:
    """Read until it is done; the last thing read is the message of the failure."""
    deadline = time.monotonic() + within
    while True:
        seen = read()
        if done(seen):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


def aws_seconds(seconds: float) -> None:
    """Wait until so many AWS seconds have passed."""
    clocks.shared().sleep(seconds)


class Account:
    """Resources of one account, made with few words."""

    def __init__(self, client: Client, profile: str = "dev", account: str = DEV) -> None:
        self._client, self.profile, self.id = client, profile, account

    def __call__(self, service: str) -> Any:
        return self._client(service, self.profile)

    def queue(self, name: str, *services: str, **attributes: Any) -> tuple[str, str]:
        """Make a queue that these services may send to; return its URL and its ARN."""
        arn = f"arn:aws:sqs:{REGION}:{self.id}:{name}"
        settings = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
        if services:
            settings["Policy"] = json.dumps(allow(services, "sqs:SendMessage", arn))
        return str(self("sqs").create_queue(QueueName=name, Attributes=settings)["QueueUrl"]), arn

    def take(self, url: str, count: int = 1, *, within: float = 10.0) -> list[dict[str, Any]]:
        """Receive and delete so many messages; fails when they do not come."""
        sqs = self("sqs")
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + within
        while len(found) < count:
            assert time.monotonic() < deadline, found
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(count - len(found), 10),
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
        return found

    def bodies(self, url: str, count: int = 1, *, within: float = 10.0) -> list[Any]:
        """Receive and delete so many messages; return their bodies, read as JSON."""
        return [json.loads(one["Body"]) for one in self.take(url, count, within=within)]

    def nothing(self, url: str) -> bool:
        """Whether a queue has no message now."""
        found = self("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return bool(found["Attributes"]["ApproximateNumberOfMessages"] == "0")

    def role(self, name: str, service: str, *statements: dict[str, Any]) -> str:
        """Make a role that a service may assume and that may do what the statements say; return its ARN."""
        trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam = self("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        return str(made["Role"]["Arn"])

    def function(self, name: str, source: str, role: str, **settings: Any) -> str:
        """Make a function from the source of its one module; return its ARN."""
        made = self("lambda").create_function(
            FunctionName=name,
            Role=role,
            Code={"ZipFile": package(source)},
            **{"Handler": "main.handle", "Runtime": "python3.11", "Timeout": 5, "MemorySize": 128, **settings},
        )
        return str(made["FunctionArn"])


def document(*statements: dict[str, Any]) -> str:
    """Return a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def may(actions: str | list[str], resources: str | list[str] = "*") -> dict[str, Any]:
    """Return a statement of an identity policy."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def allow(services: tuple[str, ...], action: str, arn: str) -> dict[str, Any]:
    """Return a resource policy that lets services in."""
    principals = [f"{service}.amazonaws.com" for service in services]
    statement = {"Effect": "Allow", "Principal": {"Service": principals}, "Action": action, "Resource": arn}
    return {"Version": "2012-10-17", "Statement": [statement]}


def package(source: str) -> bytes:
    """Return a function's zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", source)
    return buffer.getvalue()


@pytest.fixture
def dev(client: Client) -> Account:
    """The account that most tests work in."""
    return Account(client)


@pytest.fixture
def qa(client: Client) -> Account:
    """Another account."""
    return Account(client, "qa", QA)
