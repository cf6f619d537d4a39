"""CloudWatch Logs: FilterLogEvents takes the beginning of streams' names, and gives the events of all streams by time.

moto ignores the first, and does the second only when asked.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.logs.responses import LogsResponse

from sandbox.errors import AwsError
from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Put ours in place of moto's."""
    del settings
    LogsResponse.filter_log_events = _filter_log_events


def _filter_log_events(self: Any) -> str:
    group, names = self._get_param("logGroupName"), self._get_param("logStreamNames", [])
    prefix = self._get_param("logStreamNamePrefix")
    if prefix and names:
        raise AwsError(
            "InvalidParameterException", "logStreamNames and logStreamNamePrefix cannot be given together.", 400
        )
    if prefix and group in self.logs_backend.groups:
        names = [name for name in self.logs_backend.groups[group].streams if name.startswith(prefix)]
        if not names:
            return json.dumps({"events": [], "searchedLogStreams": []})
    events, token, searched = self.logs_backend.filter_log_events(
        group,
        names,
        self._get_param("startTime"),
        self._get_param("endTime"),
        self._get_param("limit"),
        self._get_param("nextToken"),
        self._get_param("filterPattern"),
        True,  # always, since 2019
    )
    return json.dumps({"events": events, "nextToken": token, "searchedLogStreams": searched})
