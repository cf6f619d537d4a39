"""CloudWatch: data of our own metrics, the alarms that guard an endpoint's deployments, and when they rang."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated
from glue.core.surroundings import IN_ALARM, Alarm

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


@dataclass(frozen=True)
class Series:
    """One statistic of one metric."""

    namespace: str
    metric: str
    statistic: str
    dimensions: Mapping[str, str]


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
                        "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
                        "Value": value,
                        "StorageResolution": 1,
                    }
                ],
            )

    def alarms(self, names: Sequence[str]) -> dict[str, Alarm]:
        """Return metric and composite alarms by name; those that do not exist are left out."""
        if not names:
            return {}
        # AlarmNames takes 100, a deployment has 10 at most; without AlarmTypes only metric alarms come back
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        asked = sorted(set(names))
        with translated(self._where, f"alarms {', '.join(asked)}"):
            pages: Any = self._client.get_paginator("describe_alarms").paginate(
                AlarmNames=asked, AlarmTypes=["CompositeAlarm", "MetricAlarm"]
            )
            entries: list[Any] = [
                entry for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for entry in page.get(kind, [])
            ]
        return {
            entry["AlarmName"]: Alarm(
                name=entry["AlarmName"],
                state=entry["StateValue"],
                since=_time(entry.get("StateUpdatedTimestamp")),
                reason=entry.get("StateReason") or "",
            )
            for entry in entries
        }

    def rang(self, name: str, *, after: str) -> Alarm | None:
        """Return the last time that an alarm went into ALARM later than a moment (RFC 3339); None if it did not.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
        """
        begin = datetime.fromisoformat(after)
        with translated(self._where, f"history of alarm {name}"):
            pages = self._client.get_paginator("describe_alarm_history").paginate(
                AlarmName=name,
                AlarmTypes=["CompositeAlarm", "MetricAlarm"],
                HistoryItemType="StateUpdate",
                # whole seconds are compared at AWS; what is a little too early is left out below
                StartDate=begin - timedelta(seconds=1),
                ScanBy="TimestampDescending",
                PaginationConfig={"MaxItems": 200},
            )
            items = [item for page in pages for item in page["AlarmHistoryItems"]]
        for item in items:
            summary = item.get("HistorySummary", "")
            if item["Timestamp"] > begin and summary.endswith(f"to {IN_ALARM}"):
                return Alarm(name, IN_ALARM, _time(item["Timestamp"]), summary)
        return None

    def values(
        self, wanted: Mapping[str, Series], *, begin: datetime, end: datetime, period_s: int
    ) -> dict[str, tuple[float, ...]]:
        """Return the data points of each series between two moments, the oldest first; none where nothing was put.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
        """
        names = list(wanted)
        queries: list[Any] = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": series.namespace,
                        "MetricName": series.metric,
                        "Dimensions": [{"Name": key, "Value": text} for key, text in series.dimensions.items()],
                    },
                    "Period": period_s,
                    "Stat": series.statistic,
                },
            }
            for number, series in enumerate(wanted.values())
        ]
        found: dict[str, tuple[float, ...]] = dict.fromkeys(names, ())
        with translated(self._where, f"{len(queries)} metrics"):
            pages = self._client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=begin, EndTime=end, ScanBy="TimestampAscending"
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    name = names[int(result["Id"].removeprefix("m"))]
                    found[name] = (*found[name], *result["Values"])
        return found


def _time(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
