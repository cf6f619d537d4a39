"""What state an alarm has, from the latest data points: M out of N, and what is missing.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Missing = Literal["missing", "ignore", "breaching", "notBreaching"]
EXTRA = 2  # data points further back that are looked at when some are missing: AWS's examples have 5 for 3
OPERATORS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", lambda value, threshold: value >= threshold),
    "GreaterThanThreshold": ("greater than", lambda value, threshold: value > threshold),
    "LessThanThreshold": ("less than", lambda value, threshold: value < threshold),
    "LessThanOrEqualToThreshold": ("less than or equal to", lambda value, threshold: value <= threshold),
}


@dataclass(frozen=True)
class Verdict:
    """`state` None: the alarm stays what it is. `used`: how many real points decided, the newest first; `filled`: how
    many were missing and filled in; `breaching`: how many of all these breach."""

    state: State | None
    used: int
    filled: int
    breaching: int


def judge(points: Sequence[bool | None], *, wanted: int, breaching: int, missing: Missing) -> Verdict:
    """Return the verdict on data points, the newest first: True breaches, False does not, None is missing.

    `wanted` is N (EvaluationPeriods), `breaching` is M (DatapointsToAlarm); there should be `wanted + EXTRA` points.
    """
    real = [point for point in points if point is not None]
    if len(real) >= wanted:
        return _count(sum(real[:wanted]), breaching, wanted, 0)
    filled = wanted - len(real)
    if not real:
        states: dict[str, State | None] = {
            "missing": "INSUFFICIENT_DATA",
            "ignore": None,
            "breaching": "ALARM",
            "notBreaching": "OK",
        }
        return Verdict(states[missing], 0, filled, filled if missing == "breaching" else 0)
    bad = sum(real)
    if missing == "breaching":
        return _count(bad + filled, breaching, len(real), filled)
    if missing == "notBreaching" or bad >= breaching or not _is_old(points, breaching):
        return _count(bad, breaching, len(real), filled)
    return Verdict("ALARM" if missing == "missing" else None, len(real), filled, bad)


def _is_old(points: Sequence[bool | None], breaching: int) -> bool:
    """Whether all real points breach and the oldest is M points back or more: no newer one will come to clear it.

    "Avoiding premature transitions to alarm state", in the page above.
    """
    ages = [age for age, point in enumerate(points, start=1) if point is not None]
    return all(points[age - 1] for age in ages) and ages[-1] >= breaching


def _count(bad: int, breaching: int, used: int, filled: int) -> Verdict:
    return Verdict("ALARM" if bad >= breaching else "OK", used, filled, bad)
