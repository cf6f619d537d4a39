"""SQS: how full a queue is, how far a move of dead letters is, and messages that say what failed."""

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
class Message:
    """One message, hidden from others for a while; `receipt` deletes it."""

    body: str
    receipt: str


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

    def receive(self, url: str, *, hidden_s: int) -> list[Message]:
        """Return up to ten messages, hidden for so many seconds; none does not mean that the queue is empty."""
        with translated(self._where, url):
            answer = self._client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=hidden_s, WaitTimeSeconds=1
            )
        return [Message(entry["Body"], entry["ReceiptHandle"]) for entry in answer.get("Messages", [])]

    def delete(self, url: str, message: Message) -> None:
        """Delete a message that was received."""
        with translated(self._where, url):
            self._client.delete_message(QueueUrl=url, ReceiptHandle=message.receipt)
