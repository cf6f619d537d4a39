"""Dead letters are delivered again. Asked for by people, done by the function: who may send into the queue of events
could forge the end of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from glue.core.training.settings import Settings

QUEUES = ("events-dead", "releases-dead")


class Redrive(Protocol):
    """Moves the messages of a dead-letter queue back to where they came from."""

    def __call__(self, queue_arn: str) -> str:
        """Start, and return AWS's handle of the task. Raises RedriveError."""


class RedriveError(Exception):
    """AWS does not move them: none of that name, or a task that still runs."""


class SqsRedrive:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html."""

    def __init__(self, clients: Any) -> None:
        self._client = clients

    def __call__(self, queue_arn: str) -> str:
        """Start a task that moves all messages to their source queue."""
        try:
            return str(self._client("sqs").start_message_move_task(SourceArn=queue_arn)["TaskHandle"])
        except ClientError as error:
            found = error.response.get("Error", {})
            raise RedriveError(f"{found.get('Code')}: {found.get('Message')}") from error


def run(event: Mapping[str, Any], redrive: Redrive, settings: Settings) -> dict[str, Any]:
    """Return {"moved": {queue: task handle}, "failed": {queue: why}}. Raises ValueError for other queues."""
    wanted = event["redrive"]
    if not isinstance(wanted, list) or not wanted or not set(map(str, wanted)) <= set(QUEUES):
        raise ValueError(f"give a list of {' and '.join(QUEUES)}: {wanted!r}")
    moved, failed = {}, {}
    for name in sorted(set(wanted)):
        arn = f"arn:aws:sqs:{settings.region}:{settings.account_id}:{settings.queue}-{name}"
        try:
            moved[name] = redrive(arn)
        except RedriveError as error:
            failed[name] = str(error)
    return {"moved": moved, "failed": failed}
