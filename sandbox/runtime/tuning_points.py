"""Which hyperparameters a tuning job tries: Random and Grid, pure. Bayesian samples like Random here.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

STRATEGIES = ("Bayesian", "Grid", "Random")
Ranges = Mapping[str, list[Mapping[str, Any]]]


def check(ranges: Ranges, strategy: str) -> None:
    """Raise ValueError for ranges that AWS refuses, or that the sandbox does not know."""
    if strategy not in STRATEGIES:
        raise ValueError(f"The sandbox has the strategies {', '.join(STRATEGIES)}, not {strategy}.")
    if ranges.get("AutoParameters"):
        raise ValueError("The sandbox has no AutoParameters: name the ranges.")
    numeric = [*_of(ranges, "IntegerParameterRanges"), *_of(ranges, "ContinuousParameterRanges")]
    categories = _of(ranges, "CategoricalParameterRanges")
    if not numeric and not categories:
        raise ValueError("A tuning job needs at least one parameter range.")
    if strategy == "Grid" and numeric:
        raise ValueError("Grid search only supports categorical parameters.")
    for one in numeric:
        _bounds(one)


def grid_size(ranges: Ranges) -> int:
    """Return how many combinations of categories there are."""
    return math.prod(len(one["Values"]) for one in _of(ranges, "CategoricalParameterRanges"))


def points(ranges: Ranges, strategy: str, seed: int | None) -> Iterator[dict[str, str]]:
    """Yield hyperparameters: for Grid each combination once, else without end. The same seed gives the same ones."""
    if strategy == "Grid":
        categories = _of(ranges, "CategoricalParameterRanges")
        for values in itertools.product(*(one["Values"] for one in categories)):
            yield {one["Name"]: value for one, value in zip(categories, values, strict=True)}
        return
    chance = random.Random(seed)  # noqa: S311 (a search, not a secret)
    while True:
        yield _point(ranges, chance)


def _point(ranges: Ranges, chance: random.Random) -> dict[str, str]:
    whole = {
        one["Name"]: str(_whole(one, _between(one, chance.random()))) for one in _of(ranges, "IntegerParameterRanges")
    }
    real = {one["Name"]: repr(_between(one, chance.random())) for one in _of(ranges, "ContinuousParameterRanges")}
    named = {one["Name"]: str(chance.choice(one["Values"])) for one in _of(ranges, "CategoricalParameterRanges")}
    return {**whole, **real, **named}


def _whole(one: Mapping[str, Any], value: float) -> int:
    low, high = _bounds(one)
    return int(min(max(round(value), low), high))


def _between(one: Mapping[str, Any], share: float) -> float:
    """Return the value at a share of the range, on its scale."""
    low, high = _bounds(one)
    scale = one.get("ScalingType") or "Auto"
    if scale == "Logarithmic":
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    if scale == "ReverseLogarithmic":
        return 1 - math.exp(math.log(1 - low) + share * (math.log(1 - high) - math.log(1 - low)))
    return low + share * (high - low)


def _bounds(one: Mapping[str, Any]) -> tuple[float, float]:
    name, scale = one["Name"], one.get("ScalingType") or "Auto"
    try:
        low, high = float(one["MinValue"]), float(one["MaxValue"])
    except ValueError as error:
        raise ValueError(f"The range of {name} is not one of numbers.") from error
    if not low <= high:
        raise ValueError(f"MinValue of {name} must not be above its MaxValue.")
    if scale == "Logarithmic" and low <= 0:
        raise ValueError(f"{name} has values that are not positive: it cannot be Logarithmic.")
    if scale == "ReverseLogarithmic" and not (low >= 0 and high < 1):
        raise ValueError(f"{name} is ReverseLogarithmic: its range must lie from 0 to below 1.")
    return low, high


def _of(ranges: Ranges, kind: str) -> list[Mapping[str, Any]]:
    return list(ranges.get(kind) or [])
