"""One evaluation of one metric alarm: its data points, the verdict, and the reason in CloudWatch's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.cloudwatch import query, statistics
from sandbox.cloudwatch.alarms import Alarm
from sandbox.cloudwatch.judge import EXTRA, OPERATORS, Missing, Verdict, judge
from sandbox.cloudwatch.metrics import Gathered, store

_FILLED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True)
class Point:
    """A data point: when its period began, its value, how many samples it is of."""

    at: int
    value: float
    samples: float


@dataclass(frozen=True)
class Outcome:
    """What an evaluation says. `state` None: the alarm stays what it is."""

    state: str | None
    reason: str
    data: str
    value: float | None = None  # the newest data point


def evaluate(alarm: Alarm, moment: float) -> Outcome:
    """Return the outcome at a moment (AWS seconds): the last whole periods before it are looked at."""
    request = alarm.request
    end = int(moment // alarm.resolution) * alarm.resolution
    wanted = int(request["EvaluationPeriods"])
    size = wanted + EXTRA
    start = end - size * alarm.period
    try:
        points = _points(alarm, start, end, size)
    except query.QueryError as error:
        return Outcome("INSUFFICIENT_DATA", f"Insufficient Data: {error}", "{}")
    _, breaches = OPERATORS[request["ComparisonOperator"]]
    threshold = float(request["Threshold"])
    missing: Missing = request.get("TreatMissingData") or "missing"
    if request.get("Namespace") == "AWS/DynamoDB":  # API_PutMetricAlarm, TreatMissingData
        missing = "ignore"
    verdict = judge(
        [None if point is None else breaches(point.value, threshold) for point in points],
        wanted=wanted,
        breaching=int(request.get("DatapointsToAlarm") or wanted),
        missing=missing,
    )
    used = [point for point in points if point is not None][: verdict.used]
    state = None if _says_little(alarm, used) else verdict.state
    newest = used[0].value if used else None
    data = _data(request, start, points, used, alarm.period)
    return Outcome(state, _reason(request, verdict, used, missing), data, newest)


def _points(alarm: Alarm, start: int, end: int, size: int) -> list[Point | None]:
    """The newest first."""
    request = alarm.request
    metrics = store(alarm.account_id, alarm.region)
    found: dict[int, Point] = {}
    if request.get("Metrics"):
        shown = next(one for one in request["Metrics"] if one.get("ReturnData", True))
        series = query.run(metrics, request["Metrics"], start=start, end=end, period=alarm.period)[shown["Id"]]
        found = {(at - start) // alarm.period: Point(at, value, 1.0) for at, value in series.items()}
    else:
        stat = request.get("Statistic") or request["ExtendedStatistic"]
        gathered = metrics.read(query.metric_key(request), start, end, alarm.period, request.get("Unit"))
        for number, one in gathered.items():
            value = statistics.value_of(one, stat)
            if value is not None:
                found[number] = Point(start + number * alarm.period, value, one.count)
    return [found.get(number) for number in reversed(range(size))]


def _says_little(alarm: Alarm, used: list[Point]) -> bool:
    """Whether a percentile has too few samples to count, and the alarm is told to ignore such.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    if alarm.request.get("EvaluateLowSampleCountPercentile") != "ignore" or not used:
        return False
    few = Gathered(count=max(point.samples for point in used))
    return statistics.too_few(few, alarm.request.get("ExtendedStatistic") or "")


def _reason(request: Mapping[str, Any], verdict: Verdict, used: list[Point], missing: str) -> str:
    wanted = int(request["EvaluationPeriods"])
    if not used:
        if verdict.state == "INSUFFICIENT_DATA":
            return f"Insufficient Data: {_many(wanted, 'datapoint')} {'was' if wanted == 1 else 'were'} unknown."
        return (
            f"Threshold Crossed: no datapoints were received for {_many(wanted, 'period')} and "
            f"{_many(verdict.filled, 'missing datapoint')} {'was' if verdict.filled == 1 else 'were'} treated as "
            f"[{_FILLED.get(missing, missing)}]."
        )
    words, breaches = OPERATORS[request["ComparisonOperator"]]
    threshold = float(request["Threshold"])
    alarming = verdict.state == "ALARM"
    shown = [point for point in used if breaches(point.value, threshold) == alarming] or used
    listed = ", ".join(f"{point.value} ({_stamp(point.at)})" for point in shown)
    needed = int(request.get("DatapointsToAlarm") or wanted)
    least, change = (needed, "OK -> ALARM") if alarming else (wanted - needed + 1, "ALARM -> OK")
    text = (
        f"Threshold Crossed: {len(shown)} out of the last {wanted} datapoints [{listed}] "
        f"{'was' if len(shown) == 1 else 'were'} {'' if alarming else 'not '}{words} the threshold ({threshold}) "
        f"(minimum {_many(least, 'datapoint')} for {change} transition)."
    )
    if verdict.filled and missing in _FILLED:
        text += f" {_many(verdict.filled, 'missing datapoint')} treated as [{_FILLED[missing]}]."
    return text


def _data(request: Mapping[str, Any], start: int, points: list[Point | None], used: list[Point], period: int) -> str:
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": _iso(start + len(points) * period),
            "startDate": _iso(used[-1].at if used else start),
            **({"statistic": request["Statistic"]} if request.get("Statistic") else {}),
            **({"unit": request["Unit"]} if request.get("Unit") else {}),
            "period": period,
            "recentDatapoints": [point.value for point in reversed(used)],
            "threshold": float(request["Threshold"]),
            "evaluatedDatapoints": [
                {"timestamp": _iso(point.at), "sampleCount": point.samples, "value": point.value} for point in used
            ],
        }
    )


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _stamp(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%d/%m/%y %H:%M:%S}"


def _iso(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S.000+0000}"
