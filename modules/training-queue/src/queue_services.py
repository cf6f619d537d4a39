"""What a function works with: made once for all its runs, given by tests."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from queue_jobs import Jobs, SageMakerJobs
from queue_outlets import AwsOutlets, Outlets
from queue_redrive import Redrive, SqsRedrive
from queue_store import Store
from queue_table import DynamoTable

from glue.core.training import settings as queue_settings
from glue.core.training.settings import Settings

Clock = Callable[[], int]  # epoch milliseconds
Sleep = Callable[[float], None]  # seconds
Remaining = Callable[[], int]  # milliseconds until Lambda ends the function
# Attempts in all and seconds to wait for an answer. The clients "once" never retry by themselves: of a create call the
# caller must know how it ended, and of list calls there may be two a second, counted.
PATIENCE = {"dynamodb": (6, 5), "cloudwatch": (2, 5)}
OTHERS = (5, 20)
ONCE_S = 10


@dataclass(frozen=True)
class Services:
    """The table's store, SageMaker's jobs, the outlets, and the way back from dead-letter queues."""

    store: Store
    jobs: Jobs
    outlets: Outlets
    redrive: Redrive


@functools.lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this function. Raises SettingsError."""
    return queue_settings.parse(os.environ[queue_settings.VARIABLE])


@functools.lru_cache(maxsize=1)
def services() -> Services:
    """Return AWS's services, with clients that are made when they are first used."""
    given = settings()
    return Services(
        store=Store(DynamoTable(_client("dynamodb"), given.table)),
        jobs=SageMakerJobs(functools.partial(_client, "sagemaker", once=True), functools.partial(_client, "sagemaker")),
        outlets=AwsOutlets(
            _client, topic_arn=given.topic_arn, releases_queue_url=given.releases_queue_url, bucket=given.bucket
        ),
        redrive=SqsRedrive(_client),
    )


def now() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


@functools.lru_cache(maxsize=1)
def _session() -> botocore.session.Session:
    return botocore.session.get_session()  # one for all clients: each reads the service models again


@functools.lru_cache(maxsize=16)
def _client(service: str, *, once: bool = False) -> Any:
    attempts, answer_s = (1, ONCE_S) if once else PATIENCE.get(service, OTHERS)
    config = Config(
        connect_timeout=3, read_timeout=answer_s, retries={"mode": "standard", "total_max_attempts": attempts}
    )
    return _session().create_client(service, config=config)
