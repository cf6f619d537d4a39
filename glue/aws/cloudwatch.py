"""CloudWatch: data of our own metrics, and the state of alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from glue.aws.errors import Where, translated

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


class CloudWatch:
    """CloudWatch in one account."""

    def __init__(self, client: CloudWatchClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def put(self, namespace: str, metric: str, *, dimensions: Mapping[str, str], value: float = 1.0) -> None:
        """Put one datum of now, at a resolution of one second: alarms with a period of 10 s see nothing coarser.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
        """
        with translated(self._where, f"metric {namespace} {metric}"):
            self._client.put_metric_data(
                Namespace=namespace,
                MetricData=[
                    {
                        "MetricName": metric,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                        "Value": value,
                        "StorageResolution": 1,
                    }
                ],
            )

    def alarm_state(self, name: str) -> str | None:
        """Return the state of a metric alarm (OK, ALARM, INSUFFICIENT_DATA), None when there is no such alarm."""
        with translated(self._where, f"alarm {name}"):
            answer = self._client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])
        found = {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}
        return found.get(name)
