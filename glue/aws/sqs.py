"""SQS: how full a queue is, and moving dead letters back to where they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.aws.errors import Where, translated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Depth:
    """How many messages a queue holds, as SQS estimates it: waiting, and being worked on."""

    arn: str
    waiting: int
    hidden: int


@dataclass(frozen=True)
class Move:
    """The newest task that moves a queue's messages: RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED."""

    status: str
    moved: int
    of: int | None
    reason: str | None = None


class Queues:
    """The queues of one account."""

    def __init__(self, client: SQSClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def depth(self, url: str) -> Depth:
        """Return how full a queue is."""
        with translated(self._where, url):
            answer = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=["QueueArn", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )
        found = answer["Attributes"]
        return Depth(
            found["QueueArn"],
            int(found["ApproximateNumberOfMessages"]),
            int(found["ApproximateNumberOfMessagesNotVisible"]),
        )

    def move_back(self, arn: str) -> None:
        """Begin to move all messages of a dead-letter queue to the queues that they come from. At most one such task
        runs for each queue.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
        """
        with translated(self._where, arn):
            self._client.start_message_move_task(SourceArn=arn)

    def move(self, arn: str) -> Move | None:
        """Return the newest move of a queue's messages, None when there was none."""
        with translated(self._where, arn):
            answer = self._client.list_message_move_tasks(SourceArn=arn, MaxResults=1)
        for entry in answer.get("Results", []):
            return Move(
                status=entry["Status"],
                moved=entry.get("ApproximateNumberOfMessagesMoved", 0),
                of=entry.get("ApproximateNumberOfMessagesToMove"),
                reason=entry.get("FailureReason"),
            )
        return None
