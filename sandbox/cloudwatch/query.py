"""MetricDataQueries: the data of metrics and of expressions over them, on AWS's time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.cloudwatch import statistics
from sandbox.cloudwatch.math import Expression, MathError, Series
from sandbox.cloudwatch.metrics import Key, Store, key_of


class QueryError(ValueError):
    """A query cannot be answered; the message says why."""


def metric_key(metric: Mapping[str, Any]) -> Key:
    """Return the identity of an API's Metric."""
    dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions") or []}
    return key_of(str(metric.get("Namespace") or ""), str(metric.get("MetricName") or ""), dimensions)


def check(queries: Sequence[Mapping[str, Any]]) -> dict[str, Expression]:
    """Return the parsed expressions by Id. Raises QueryError for what CloudWatch refuses or is not offered here."""
    ids = [str(query.get("Id") or "") for query in queries]
    if len(set(ids)) != len(ids) or not all(one[:1].islower() for one in ids):
        raise QueryError("each query needs an Id of its own that begins with a lower-case letter")
    found: dict[str, Expression] = {}
    for query in queries:
        if bool(query.get("Expression")) == bool(query.get("MetricStat")):
            raise QueryError(f"the query {query['Id']} must have either a MetricStat or an Expression")
        if query.get("MetricStat"):
            if not statistics.known(query["MetricStat"]["Stat"]):
                raise QueryError(f"The value {query['MetricStat']['Stat']} for parameter Stat is not supported.")
            continue
        try:
            found[query["Id"]] = Expression(query["Expression"])
        except MathError as error:
            raise QueryError(f"Error in expression '{query['Id']}': {error}") from error
    for name, expression in found.items():
        unknown = [one for one in expression.ids if one not in ids]
        if unknown:
            raise QueryError(f"Error in expression '{name}': unknown Id {', '.join(unknown)}")
    _in_order(found)
    return found


def run(
    store: Store, queries: Sequence[Mapping[str, Any]], *, start: int, end: int, period: int | None = None
) -> dict[str, Series]:
    """Return the series of each query by Id: moment at which a period begins -> value. Raises QueryError.

    Periods are counted from `start`. `period`: of all, for alarms; else of each query's MetricStat.
    """
    expressions = check(queries)
    results: dict[str, Series] = {}
    periods: dict[str, int] = {}
    for query in queries:
        stat = query.get("MetricStat")
        if stat:
            periods[query["Id"]] = size = period or int(stat["Period"])
            gathered = store.read(metric_key(stat["Metric"]), start, end, size, stat.get("Unit"))
            values = {start + n * size: statistics.value_of(one, stat["Stat"]) for n, one in gathered.items()}
            results[query["Id"]] = {at: value for at, value in sorted(values.items()) if value is not None}
    finest = period or min(periods.values(), default=60)
    moments = list(range(start, end, max(finest, 1)))
    for name in _in_order(expressions):
        results[name] = _evaluated(expressions[name], results, moments, finest)
    return results


def _evaluated(expression: Expression, results: Mapping[str, Series], moments: list[int], period: int) -> Series:
    try:
        value = expression.value(results, moments=moments, period=period)
    except MathError as error:
        raise QueryError(str(error)) from error
    if isinstance(value, list):
        if len(value) != 1:
            raise QueryError(f"{expression.text} gives {len(value)} time series; here each query gives one")
        return value[0]
    return value if isinstance(value, dict) else dict.fromkeys(moments, value)


def _in_order(expressions: Mapping[str, Expression]) -> list[str]:
    """Return what others refer to before them. Raises QueryError when they go round in a circle."""
    done: list[str] = []
    waiting = dict(expressions)
    while waiting:
        ready = [name for name, one in waiting.items() if not set(one.ids) & set(waiting)]
        if not ready:
            raise QueryError(f"the expressions {', '.join(waiting)} refer to each other")
        for name in ready:
            del waiting[name]
            done.append(name)
    return done
