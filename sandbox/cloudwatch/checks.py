"""What PutMetricAlarm and PutCompositeAlarm refuse."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sandbox.cloudwatch import query, statistics
from sandbox.cloudwatch.judge import OPERATORS
from sandbox.cloudwatch.rule import Rule, RuleError, parse

LONGEST = 255
MOST_ACTIONS = 5
MOST_QUERIES = 10
DAY = 24 * 3600
WEEK = 7 * DAY
_MISSING = ("breaching", "notBreaching", "ignore", "missing")


class CheckError(ValueError):
    """The alarm is refused. The message says why."""


def check_metric(request: Mapping[str, Any]) -> None:
    """Raise CheckError for what PutMetricAlarm refuses, or for what is not offered here.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    _common(request)
    if request.get("ComparisonOperator") not in OPERATORS:
        raise CheckError(f"ComparisonOperator must be one of {', '.join(OPERATORS)} (no anomaly detection here).")
    if request.get("Threshold") is None:
        raise CheckError("Threshold is required.")
    wanted = int(request.get("EvaluationPeriods") or 0)
    if wanted < 1:
        raise CheckError("EvaluationPeriods must be at least 1.")
    if not 1 <= int(request.get("DatapointsToAlarm") or wanted) <= wanted:
        raise CheckError("DatapointsToAlarm must be from 1 to EvaluationPeriods.")
    if request.get("TreatMissingData") not in {None, *_MISSING}:
        raise CheckError(f"TreatMissingData must be one of {', '.join(_MISSING)}.")
    if request.get("EvaluateLowSampleCountPercentile") not in {None, "evaluate", "ignore"}:
        raise CheckError("EvaluateLowSampleCountPercentile must be evaluate or ignore.")
    period = _queries(request) if request.get("Metrics") else _metric(request)
    if wanted * period > (WEEK if period >= 3600 else DAY):
        raise CheckError(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."
        )


def check_composite(request: Mapping[str, Any], known: Collection[str]) -> Rule:
    """Return the rule. Raises CheckError for what PutCompositeAlarm refuses; `known` are the names of all alarms."""
    _common(request)
    try:
        rule = parse(str(request.get("AlarmRule") or ""))
    except RuleError as error:
        raise CheckError(str(error)) from error
    named = [*rule.alarms, *([request["ActionsSuppressor"]] if request.get("ActionsSuppressor") else [])]
    unknown = [one for one in named if (one.partition(":alarm:")[2] or one) not in known]
    if unknown:
        raise CheckError(f"Alarms that do not exist: {', '.join(unknown)}.")
    waits = [request.get("ActionsSuppressorWaitPeriod"), request.get("ActionsSuppressorExtensionPeriod")]
    if request.get("ActionsSuppressor") and None in waits:
        raise CheckError("ActionsSuppressor needs ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod.")
    if not request.get("ActionsSuppressor") and waits != [None, None]:
        raise CheckError("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod need an ActionsSuppressor.")
    return rule


def parsed_json(text: str) -> bool:
    """Return whether the text is a JSON document."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _common(request: Mapping[str, Any]) -> None:
    if not 1 <= len(str(request.get("AlarmName") or "")) <= LONGEST:
        raise CheckError(f"AlarmName must have from 1 to {LONGEST} characters.")
    for name in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        actions = request.get(name) or []
        if len(actions) > MOST_ACTIONS:
            raise CheckError(f"{name} must have at most {MOST_ACTIONS} members.")
        if not all(str(arn).startswith("arn:aws") for arn in actions):
            raise CheckError(f"Invalid arn syntax: {', '.join(str(arn) for arn in actions)}")


def _metric(request: Mapping[str, Any]) -> int:
    for name in ("MetricName", "Namespace", "Period"):
        if not request.get(name):
            raise CheckError(f"{name} is required for an alarm on a metric.")
    if bool(request.get("Statistic")) == bool(request.get("ExtendedStatistic")):
        raise CheckError("Either Statistic or ExtendedStatistic must be given.")
    statistic = request.get("Statistic")
    if statistic and statistic not in statistics.SIMPLE:
        raise CheckError(f"Statistic must be one of {', '.join(statistics.SIMPLE)}.")
    extended = request.get("ExtendedStatistic")
    if extended and (extended in statistics.SIMPLE or not statistics.known(extended)):
        raise CheckError(f"The ExtendedStatistic {extended} is not valid.")
    period = int(request["Period"])
    _check_period(period)
    return period


def _check_period(period: int) -> None:
    if period not in {10, 20, 30} and (period < 60 or period % 60):
        raise CheckError("Period must be 10, 20, 30 or a multiple of 60.")


def _queries(request: Mapping[str, Any]) -> int:
    queries = request["Metrics"]
    if any(request.get(name) for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period")):
        raise CheckError("Metrics excludes MetricName, Namespace, Statistic, ExtendedStatistic and Period.")
    if len(queries) > MOST_QUERIES:
        raise CheckError(f"Metrics must have at most {MOST_QUERIES} members.")
    if sum(query_.get("ReturnData", True) is not False for query_ in queries) != 1:
        raise CheckError("Exactly one element of the metrics list should return data.")
    try:
        query.check(queries)
    except query.QueryError as error:
        raise CheckError(str(error)) from error
    periods = {int(one["MetricStat"]["Period"]) for one in queries if one.get("MetricStat")}
    if len(periods) > 1:
        raise CheckError("Period must be the same for all metrics of an alarm.")
    for period in periods:
        _check_period(period)
    return max(periods, default=60)
