"""CloudWatch's metric operations on the sandbox's own store: percentiles, dimensions that match exactly, metric math.

Clients give and get wall-clock times, AWS's time here runs ahead: windows are moved by the difference
(`metrics.shift`).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.cloudwatch import query, statistics
from sandbox.cloudwatch.metrics import Store, key_of, now, shift, store
from sandbox.ext.sagemaker_common import params, patch
from sandbox.settings import Settings

PAGE = 500  # metrics of one ListMetrics answer
POINTS = 100_800  # data points of one GetMetricData answer
STATISTICS_POINTS = 1440  # of one GetMetricStatistics answer
MOST_VALUES = 150
MOST_DATA = 1000
_RECENT = 3 * 3600.0


def install(settings: Settings) -> None:
    """Replace moto's operations."""
    del settings
    patch(CloudWatchResponse, put_metric_data, get_metric_data, get_metric_statistics, list_metrics)


def put_metric_data(self: Any) -> EmptyResult:
    """PutMetricData: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html ."""
    request = params(self)
    namespace = str(request.get("Namespace") or "")
    if namespace.startswith("AWS/"):
        raise InvalidParameterValue("The value AWS/ for parameter Namespace is invalid.")
    data = request.get("MetricData") or []
    if len(data) > MOST_DATA:
        raise InvalidParameterValue(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    checked = [(_moment(one, n), _values(one, n), one) for n, one in enumerate(data, start=1)]
    metrics = _store(self)
    for moment, values, one in checked:
        dimensions = {item["Name"]: item["Value"] for item in one.get("Dimensions") or []}
        key = key_of(namespace, one["MetricName"], dimensions)
        unit = one.get("Unit") or "None"
        if one.get("StatisticValues"):
            numbers = {name: float(number) for name, number in one["StatisticValues"].items()}
            metrics.add_set(key, numbers, unit=unit, moment=moment)
        else:
            metrics.add(key, values, unit=unit, moment=moment)
    return EmptyResult()


def get_metric_data(self: Any) -> ActionResult:
    """GetMetricData: the newest first unless asked otherwise; queries with ReturnData false are left out."""
    request = params(self)
    queries = request.get("MetricDataQueries") or []
    _check_window(request)
    finest = min((int(one["MetricStat"]["Period"]) for one in queries if one.get("MetricStat")), default=60)
    moved = shift(finest)
    start, end = _window(request, finest)
    if (end - start) / finest * max(len(queries), 1) > POINTS:
        raise ValidationError(f"The requested data would have more than {POINTS} data points; use a larger period.")
    try:
        found = query.run(_store(self), queries, start=start, end=end)
    except query.QueryError as error:
        raise ValidationError(str(error)) from error
    results = []
    for one in queries:
        if one.get("ReturnData", True):
            points = sorted(found[one["Id"]].items(), reverse=request.get("ScanBy") != "TimestampAscending")
            results.append(
                {
                    "Id": one["Id"],
                    "Label": one.get("Label") or _label(one),
                    "Timestamps": [_wall(at - moved) for at, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "Complete",
                }
            )
    return ActionResult({"MetricDataResults": results, "Messages": []})


def get_metric_statistics(self: Any) -> ActionResult:
    """GetMetricStatistics, in order of time; percentiles by ExtendedStatistics."""
    request = params(self)
    names = [*(request.get("Statistics") or []), *(request.get("ExtendedStatistics") or [])]
    if not names:
        raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
    if request.get("Statistics") and request.get("ExtendedStatistics"):
        raise InvalidParameterCombination("Cannot specify both Statistics and ExtendedStatistics")
    if not all(statistics.known(name) for name in names):
        raise InvalidParameterValue(f"The value {names} for parameter Statistics or ExtendedStatistics is not valid.")
    _check_window(request)
    period = int(request["Period"])
    start, end = _window(request, period)
    if (end - start) / period > STATISTICS_POINTS:
        raise InvalidParameterCombination(
            f"You have requested up to {(end - start) // period:,} datapoints, which exceeds the limit of "
            f"{STATISTICS_POINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the "
            "time range."
        )
    found = _store(self).read(query.metric_key(request), start, end, period, request.get("Unit"))
    extended = set(request.get("ExtendedStatistics") or [])
    points = []
    for number, gathered in sorted(found.items()):
        values = {name: statistics.value_of(gathered, name) for name in names}
        point: dict[str, Any] = {name: values[name] for name in names if name not in extended}
        if extended:
            point["ExtendedStatistics"] = {name: value for name, value in values.items() if value is not None}
        point["Timestamp"] = _wall(start + number * period - shift(period))
        point["Unit"] = request.get("Unit") or "None"
        points.append(point)
    return ActionResult({"Label": request["MetricName"], "Datapoints": points})


def list_metrics(self: Any) -> ActionResult:
    """ListMetrics: namespace, name and dimensions (with or without value) filter; pages of 500."""
    request = params(self)
    wanted = [(one["Name"], one.get("Value")) for one in request.get("Dimensions") or []]
    oldest = now() - _RECENT if request.get("RecentlyActive") == "PT3H" else -math.inf
    found = [
        key
        for key, latest in sorted(_store(self).names().items())
        if request.get("Namespace") in {None, key[0]}
        and request.get("MetricName") in {None, key[1]}
        and all(any(n == name and value in {None, v} for n, v in key[2]) for name, value in wanted)
        and latest >= oldest
    ]
    token = str(request.get("NextToken") or "0")
    if not token.isdecimal():
        raise InvalidParameterValue("Request parameter NextToken is invalid")
    page = found[int(token) : int(token) + PAGE]
    metrics = [
        {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
        }
        for namespace, name, dimensions in page
    ]
    following = str(int(token) + PAGE) if len(found) > int(token) + PAGE else None
    return ActionResult({"Metrics": metrics, "NextToken": following})


def _store(response: Any) -> Store:
    return store(response.current_account, response.region)


def _moment(datum: Mapping[str, Any], number: int) -> float:
    """Two weeks back to two hours ahead of a client's clock, on AWS's time."""
    given = datum.get("Timestamp")
    if given is None:
        return now()
    wall = _seconds(given)
    if not -14 * 24 * 3600 <= wall - datetime.now(UTC).timestamp() <= 2 * 3600:
        raise InvalidParameterValue(
            f"The parameter MetricData.member.{number}.Timestamp must specify a time within the past two weeks and "
            "not more than two hours in the future."
        )
    return wall + shift()


def _values(datum: Mapping[str, Any], number: int) -> list[tuple[float, float]]:
    name = f"MetricData.member.{number}"
    given = [bool(datum.get("Values")), "Value" in datum, bool(datum.get("StatisticValues"))]
    if sum(given) != 1:
        raise InvalidParameterCombination(f"The parameter {name} must have one of Value, Values and StatisticValues.")
    if datum.get("StatisticValues"):
        missing = {"Sum", "Maximum", "Minimum", "SampleCount"} - set(datum["StatisticValues"])
        if missing:
            raise InvalidParameterValue(f"Missing required parameter in {name}.StatisticValues: {sorted(missing)}")
        return []
    values = [float(value) for value in datum.get("Values") or [datum["Value"]]]
    counts = [float(count) for count in datum.get("Counts") or [1.0] * len(values)]
    if len(values) != len(counts) or len(values) > MOST_VALUES:
        raise InvalidParameterValue(
            f"The parameters {name}.Values and {name}.Counts must be of the same size, at most {MOST_VALUES}."
        )
    if not all(math.isfinite(value) for value in values) or any(count < 0 for count in counts):
        raise InvalidParameterValue(f"The value {values} for parameter {name}.Value is invalid.")
    return list(zip(values, counts, strict=True))


def _check_window(request: Mapping[str, Any]) -> None:
    if _seconds(request["StartTime"]) >= _seconds(request["EndTime"]):
        raise ValidationError("The parameter StartTime must be less than the parameter EndTime.")
    period = request.get("Period")
    if period is not None and int(period) not in {1, 5, 10, 20, 30} and (int(period) < 60 or int(period) % 60):
        raise InvalidParameterValue("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")


def _window(request: Mapping[str, Any], period: int) -> tuple[int, int]:
    """The window on AWS's time; it begins on a period's boundary."""
    moved = shift(period)
    start = math.floor(_seconds(request["StartTime"]) / period) * period + moved
    return int(start), math.ceil(_seconds(request["EndTime"]) + moved)


def _label(one: Mapping[str, Any]) -> str:
    return str(one["MetricStat"]["Metric"]["MetricName"] if one.get("MetricStat") else one["Id"])


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _wall(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
