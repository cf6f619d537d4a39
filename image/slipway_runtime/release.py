"""Every answer says which release gave it: during a deployment, two stand behind one endpoint.

InvokeEndpoint hands the container's custom attributes on to the caller as they are, at most 1,024 visible US-ASCII
characters (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html). Of an error it
only hands on status and body, so that errors say it there.
"""

from __future__ import annotations

import json
from dataclasses import replace

from .handler import Answer

HEADER = "X-Amzn-SageMaker-Custom-Attributes"
LIMIT = 1024


def attributes(release: str, sent: str | None) -> str:
    """Return `slipway-release=<id>`, then what the caller sent, so that a trace id comes back; the first mark counts.

    What the caller sent is left out when both do not fit, or when it is not visible US-ASCII.
    """
    own = f"slipway-release={release}"
    both = f"{own},{sent}" if sent else own
    return both if len(both) <= LIMIT and all(" " <= letter <= "~" for letter in both) else own


def named(answer: Answer, release: str) -> Answer:
    """Return an error that names the release; every other answer as it is."""
    if answer.status < 400:
        return answer
    error = {"status": answer.status, "reason": answer.reason, "release": release}
    return replace(answer, body=json.dumps({"error": error}).encode())
