"""A server inside this process without faults, and unmodified clients that retry as they always do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox import faults
from sandbox.faults import Fault
from sandbox.server import Server, running_in

Client = Callable[..., Any]
Set = Callable[..., Fault]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = running_in(Path(tmp_path_factory.mktemp("sandbox")), free_port()).start()
    settings = running.application.settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(settings.aws_config))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(settings.aws_credentials))
        patch.setenv("AWS_ENDPOINT_URL", settings.url)
        patch.setenv("SANDBOX_HOME", str(settings.home))
        patch.setenv("SANDBOX_PORT", str(settings.port))
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"):
            patch.delenv(name, raising=False)
        yield running
    running.close()


@pytest.fixture(autouse=True)
def _without_faults(server: Server) -> Iterator[None]:
    yield
    faults.registry().clear()


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Client]:
    """Make a client; `attempts` is how often it tries."""
    sessions: dict[str, boto3.Session] = {}
    made: dict[Any, Any] = {}

    def make(service: str, profile: str = "dev", *, attempts: int = 1, **config: Any) -> Any:
        key = (service, profile, attempts, *sorted(config.items()))
        if key not in made:
            session = sessions.setdefault(profile, boto3.Session(profile_name=profile))
            settings = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, **config)
            made[key] = session.client(service, config=settings)
        return made[key]

    yield make
    for one in made.values():
        one.close()


@pytest.fixture
def fault() -> Set:
    """Set one fault and return it."""

    def add(kind: str, **members: Any) -> Fault:
        (one,) = faults.registry().add([{"kind": kind, **members}])
        return one

    return add


def hits(fault: Fault) -> int:
    return next(int(one["hits"]) for one in faults.registry().describe() if one["id"] == fault.id)
