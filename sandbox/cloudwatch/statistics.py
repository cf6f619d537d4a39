"""Statistics of what was gathered in one period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

from sandbox.cloudwatch.metrics import Gathered

SIMPLE: dict[str, Callable[[Gathered], float]] = {
    "SampleCount": lambda one: one.count,
    "Sum": lambda one: one.total,
    "Average": lambda one: one.total / one.count,
    "Minimum": lambda one: one.lowest,
    "Maximum": lambda one: one.highest,
}
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)", re.IGNORECASE)
_TRIMMED = re.compile(r"(tm|wm|tc|ts)(\d{1,2}(?:\.\d{1,10})?|100)", re.IGNORECASE)
_RANGE = re.compile(r"(TM|WM|TC|TS)\((\d{0,3}(?:\.\d+)?)%:(\d{0,3}(?:\.\d+)?)%\)", re.IGNORECASE)


def known(name: str) -> bool:
    """Return whether CloudWatch knows the statistic, and we do."""
    return name in SIMPLE or name.upper() == "IQM" or bool(_percentile(name) is not None or _trim(name))


def value_of(gathered: Gathered, name: str) -> float | None:
    """Return a statistic, or None when there is none: nothing gathered, or percentiles of statistic sets.

    Raises ValueError for one that is not known.
    """
    if name in SIMPLE:
        return SIMPLE[name](gathered) if gathered.count else None
    share, trim = _percentile(name), _trim(name)
    if share is None and trim is None:
        raise ValueError(f"{name} is not a statistic that is offered here")
    if not gathered.values or not gathered.whole:
        return None
    return _at(gathered, share) if share is not None else _trimmed(gathered, *(trim or ("tm", 0.0, 100.0)))


def too_few(gathered: Gathered, name: str) -> bool:
    """Return whether a percentile of so few values says little (EvaluateLowSampleCountPercentile).

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    share = _percentile(name)
    if share is None:
        return False
    part = share / 100
    rest = 1 - part if part >= 0.5 else part
    return rest > 0 and gathered.count < 10 / rest


def _percentile(name: str) -> float | None:
    match = _PERCENTILE.fullmatch(name)
    return float(match[1]) if match else None


def _trim(name: str) -> tuple[str, float, float] | None:
    if name.upper() == "IQM":
        return "tm", 25.0, 75.0
    if match := _TRIMMED.fullmatch(name):
        return match[1].lower(), 0.0, float(match[2])
    if match := _RANGE.fullmatch(name):
        return match[1].lower(), float(match[2] or 0), float(match[3] or 100)
    return None


def _ordered(gathered: Gathered) -> Iterator[tuple[float, float, float]]:
    """Yield value, how many are below it, how many are up to it."""
    below = 0.0
    for value in sorted(gathered.values):
        upto = below + gathered.values[value]
        yield value, below, upto
        below = upto


def _at(gathered: Gathered, share: float) -> float:
    """The smallest value that at least so many per cent of all values do not exceed (nearest rank)."""
    wanted = math.ceil(sum(gathered.values.values()) * share / 100 - 1e-9) or 1
    return next((value for value, _, upto in _ordered(gathered) if upto >= wanted), gathered.highest)


def _trimmed(gathered: Gathered, kind: str, low: float, high: float) -> float:
    """Mean, count or sum of the values between two percentiles; for the winsorized mean the rest takes their limits."""
    size = sum(gathered.values.values())
    first, last = size * low / 100, size * high / 100
    kept = [
        (value, share)
        for value, below, upto in _ordered(gathered)
        if (share := min(upto, last) - max(below, first)) > 0
    ]
    count, total = sum(share for _, share in kept), sum(value * share for value, share in kept)
    if kind == "tc":
        return count
    if kind == "ts":
        return total
    if not kept:
        return _at(gathered, high)
    if kind == "wm":
        return (total + kept[0][0] * first + kept[-1][0] * (size - last)) / size
    return total / count
