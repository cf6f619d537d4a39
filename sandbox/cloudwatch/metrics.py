"""Metrics of one account and region: values gathered by the second, on AWS's time.

Moments are AWS seconds since 1970 of the sandbox's clock (`now()`), which runs ahead of the wall clock. Clients
give and get wall-clock times: `shift` says by how much the two differ.
"""

from __future__ import annotations

import bisect
import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from sandbox.runtime import clock

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
KEPT = 15 * 24 * 3600  # AWS seconds
SWEEP = 4096  # seconds with data of one metric before old ones are looked for
DISTINCT = 5000  # values kept apart in one second; more are counted with the nearest one
Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str, Dimensions]  # namespace, name, dimensions in order of their names


@dataclass
class Gathered:
    """What was reported in some time: how often, the sum, the extremes, and each value with its count."""

    count: float = 0.0
    total: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf
    values: dict[float, float] = field(default_factory=dict)
    whole: bool = True  # False: a statistic set was in it, so that its values are not known one by one

    def add(self, value: float, count: float = 1.0) -> None:
        """Take a value that was reported so often."""
        nearest = value
        if len(self.values) >= DISTINCT and value not in self.values:
            nearest = min(self.values, key=lambda one: abs(one - value))
        self.values[nearest] = self.values.get(nearest, 0.0) + count
        self._sum(count, value * count, value, value)

    def add_set(self, count: float, total: float, lowest: float, highest: float) -> None:
        """Take a statistic set. Percentiles are known only when all its values are one.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/publishingMetrics.html
        """
        if count == 1 or lowest == highest:
            self.add(lowest, count)
            return
        self.whole = False
        self._sum(count, total, lowest, highest)

    def merge(self, other: Gathered) -> None:
        """Add what another time holds."""
        for value, count in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + count
        self.whole = self.whole and other.whole
        self._sum(other.count, other.total, other.lowest, other.highest)

    def _sum(self, count: float, total: float, lowest: float, highest: float) -> None:
        self.count += count
        self.total += total
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)


class Series:
    """One metric: namespace, name, dimensions. Units do not make another metric, they only filter."""

    def __init__(self) -> None:
        self._seconds: dict[int, dict[str, Gathered]] = {}  # moment -> unit -> what was reported
        self._order: list[int] = []
        self.latest = 0.0

    def at(self, moment: float, unit: str) -> Gathered:
        """Return the second of a moment, to add to."""
        second = math.floor(moment)
        if second not in self._seconds:
            self._seconds[second] = {}
            bisect.insort(self._order, second)
            self._forget(now() - KEPT)
        self.latest = max(self.latest, moment)
        return self._seconds[second].setdefault(unit, Gathered())

    def between(self, start: float, end: float, period: int, unit: str | None) -> dict[int, Gathered]:
        """Return number of period since `start` -> what was reported in it, for the periods that have something."""
        found: dict[int, Gathered] = {}
        for second in self._order[bisect.bisect_left(self._order, start) : bisect.bisect_left(self._order, end)]:
            for one_unit, gathered in self._seconds[second].items():
                if unit in {None, one_unit}:
                    found.setdefault(int((second - start) // period), Gathered()).merge(gathered)
        return found

    def _forget(self, oldest: float) -> None:
        if len(self._order) > SWEEP and self._order[0] < oldest:
            gone = bisect.bisect_left(self._order, oldest)
            for second in self._order[:gone]:
                self._seconds.pop(second, None)
            del self._order[:gone]


class Store:
    """All metrics of one account and region. Safe for threads."""

    def __init__(self) -> None:
        self._series: dict[Key, Series] = {}
        self._lock = threading.Lock()

    def add(
        self, key: Key, values: Iterable[tuple[float, float]], *, unit: str = "None", moment: float | None = None
    ) -> None:
        """Take values with their counts, reported at a moment (default: now)."""
        with self._lock:
            second = self._series.setdefault(key, Series()).at(now() if moment is None else moment, unit)
            for value, count in values:
                second.add(value, count)

    def add_set(self, key: Key, numbers: Mapping[str, float], *, unit: str, moment: float) -> None:
        """Take a statistic set as PutMetricData has it."""
        with self._lock:
            second = self._series.setdefault(key, Series()).at(moment, unit)
            second.add_set(numbers["SampleCount"], numbers["Sum"], numbers["Minimum"], numbers["Maximum"])

    def read(self, key: Key, start: float, end: float, period: int, unit: str | None = None) -> dict[int, Gathered]:
        """Return number of period since `start` -> what was reported in it."""
        with self._lock:
            series = self._series.get(key)
            return series.between(start, end, period, unit) if series is not None else {}

    def names(self) -> dict[Key, float]:
        """Return every metric with the moment of its latest value."""
        with self._lock:
            return {key: series.latest for key, series in self._series.items()}


def now() -> float:
    """Return AWS's time in seconds since 1970."""
    return clock.shared().now().timestamp()


def shift(period: int = 1) -> float:
    """Return what to add to a client's time to get AWS's, in whole minutes (or periods, when they are shorter).

    Rounded up: a window that ends now shall hold what was reported just now.
    """
    grain = min(period, 60)
    return math.ceil(clock.shared().ahead() / grain) * grain


def store(account_id: str, region: str) -> Store:
    """Return the metrics of an account and region; they live and end with moto's own state."""
    backend: Any = cloudwatch_backends[account_id][region]
    found: Store = backend.__dict__.setdefault("sandbox_metrics", Store())
    return found


def key_of(namespace: str, name: str, dimensions: Mapping[str, str]) -> Key:
    """Return the identity of a metric."""
    return namespace, name, tuple(sorted(dimensions.items()))


def record(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    value: float,
    unit: str = "None",
    *,
    account_id: str,
    region: str,
) -> None:
    """Report one value of a service's own metric, now. Cheap; never raises for what it is given.

    For Lambda, SQS and all others: namespace, names, dimensions and units as AWS documents them for the service.
    """
    store(account_id, region).add(key_of(namespace, name, dimensions), [(value, 1.0)], unit=unit)
