"""SNS: messages to people. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

from __future__ import annotations

from typing import Any

from glue.aws.errors import Where, translated

_SUBJECT = 100  # characters, ASCII, on one line


class Topics:
    """Topics of one account."""

    def __init__(self, client: Any, *, where: Where) -> None:
        self._client = client
        self._where = where

    def publish(self, topic: str, *, subject: str, text: str) -> None:
        """Publish a message to a topic's ARN. The subject is cut to what SNS takes."""
        plain = " ".join(subject.encode("ascii", "replace").decode().split())[:_SUBJECT]
        with translated(self._where, topic):
            self._client.publish(TopicArn=topic, Subject=plain, Message=text)
