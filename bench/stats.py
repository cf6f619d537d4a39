"""Medians, percentiles and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    """Return the middle value. Raises ValueError for no values."""
    if not values:
        raise ValueError("the median of nothing")
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all do not exceed (nearest rank)."""
    if not values or not 0 < percent <= 100:
        raise ValueError(f"percentile {percent} of {len(values)} values")
    rank = -(-len(values) * percent // 100)
    return sorted(values)[int(rank) - 1]


def ratio(value: float, base: float) -> float | None:
    """Return how many times `base` a value is, None when the base is nothing."""
    return value / base if base > 0 else None
