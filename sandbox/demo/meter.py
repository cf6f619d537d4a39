"""Counts what a step cost, from the sandbox's access log: a witness that neither client nor Terraform can bend."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVICE = "sandbox/"  # in the user agent of what the sandbox's services read for themselves
FUNCTION = "exec-env/AWS_Lambda"  # what botocore adds to it inside a function
ARTIFACTS = ("/model.tar.gz", "/sourcedir.tar.gz")


@dataclass(frozen=True)
class Usage:
    """API calls by client and operation, and the bytes of release archives that left or reached a client."""

    calls: int = 0
    by_operation: Mapping[str, int] = field(default_factory=dict)
    by_client: Mapping[str, int] = field(default_factory=dict)
    artifact_bytes: int = 0


def usage(lines: Iterable[Mapping[str, Any]]) -> Usage:
    """Sum up entries of the access log.

    Artifact bytes are the bodies of object reads and writes of archives below `releases/`; a copy inside S3 has no
    body. Answers to a copy are a few hundred bytes of XML, not archive bytes, so only GetObject's answers count.
    What AWS itself does, such as an endpoint that fetches its model, is nobody's call and passes through no client;
    nor is what functions do on their schedules, whatever step is under way.
    """
    operations: Counter[str] = Counter()
    clients: Counter[str] = Counter()
    artifact_bytes = 0
    for line in lines:
        if any(mark in str(line.get("client", "")) for mark in (SERVICE, FUNCTION)):
            continue
        operations[f"{line['service']}:{line['operation']}"] += 1
        clients[client_name(str(line.get("client", "")))] += 1
        resource = str(line.get("resource") or "")
        if "/releases/" in resource and resource.endswith(ARTIFACTS):
            if line["operation"] in {"PutObject", "UploadPart"}:
                artifact_bytes += int(line.get("request_bytes") or 0)
            elif line["operation"] == "GetObject":
                artifact_bytes += int(line.get("response_bytes") or 0)
    return Usage(operations.total(), dict(operations.most_common()), dict(clients), artifact_bytes)


def client_name(user_agent: str) -> str:
    """Return who made a request: terraform, glue, or other (the story's own questions)."""
    lowered = user_agent.lower()
    if "terraform" in lowered:
        return "terraform"
    return "glue" if "slipway" in lowered else "other"


class Meter:
    """Reads the access log from where it stood at the last reading."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.position = log.stat().st_size if log.exists() else 0

    def read(self) -> Usage:
        """Return the usage since the last reading; a half-written last line waits for the next one."""
        if not self.log.exists():
            return Usage()
        with self.log.open("rb") as log:
            log.seek(self.position)
            data = log.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.position += len(whole)
        return usage(json.loads(line) for line in whole.splitlines() if line.strip())
