"""What workloads print goes to CloudWatch Logs of their account, as it does on AWS."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from moto.logs.models import logs_backends

MESSAGE_LIMIT = (
    256 * 1024
)  # bytes of one event: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_LOCK = threading.Lock()  # moto's log streams are not safe against threads


@dataclass(frozen=True)
class LogStream:
    """One log stream of one account."""

    account_id: str
    region: str
    group: str
    stream: str

    @property
    def arn(self) -> str:
        """The ARN of the log group, as error messages name it."""
        return f"arn:aws:logs:{self.region}:{self.account_id}:log-group:{self.group}"

    @property
    def exists(self) -> bool:
        """Whether there is such a log group."""
        backend: Any = logs_backends[self.account_id][self.region]
        return self.group in backend.groups

    def write(self, lines: Iterable[str]) -> None:
        """Append the lines with the present time. Group and stream are made when they do not exist."""
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line[:MESSAGE_LIMIT]} for line in lines]
        if not events:
            return
        backend: Any = logs_backends[self.account_id][self.region]
        with _LOCK:
            backend.ensure_log_group(self.group)
            backend.ensure_log_stream(self.group, self.stream)
            backend.put_log_events(self.group, self.stream, events)
