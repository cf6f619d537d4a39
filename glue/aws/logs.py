"""CloudWatch Logs: what a job's containers wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated
from glue.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True)
class Line:
    """One line: when it was written (epoch ms), its stream, its text, and CloudWatch's own id of it."""

    at: int
    stream: str
    text: str
    id: str


class Logs:
    """Log groups of one account."""

    def __init__(self, client: CloudWatchLogsClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def lines(self, group: str, *, streams: str, since: int | None = None) -> Iterator[Line]:
        """Yield the lines of all streams whose name begins with `streams`, from `since` on (epoch ms), by time.

        Nothing when the group does not exist: it is made with the first line. An empty page is not the end:
        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
        """
        request: dict[str, Any] = {"logGroupName": group, "logStreamNamePrefix": streams}
        if since is not None:
            request["startTime"] = since
        while True:
            try:
                with translated(self._where, f"log group {group}"):
                    answer: Mapping[str, Any] = self._client.filter_log_events(**request)
            except NotFoundError:
                return
            for event in answer["events"]:
                yield Line(event["timestamp"], event["logStreamName"], event["message"], event["eventId"])
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]
