"""SQS: a redrive policy comes back as AWS writes it, without spaces; Terraform compares the text.

moto returns what Python's json writes, with a space after each comma and colon.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.sqs.models import Queue

from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Write redrive policies compactly."""
    del settings
    original = Queue.attributes.fget
    if getattr(original, "compact", False):
        return

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(self)
        policy = found.get("RedrivePolicy")
        if policy:
            found["RedrivePolicy"] = json.dumps(json.loads(policy), separators=(",", ":"))
        return found

    attributes.compact = True  # type: ignore[attr-defined]
    Queue.attributes = property(attributes)
