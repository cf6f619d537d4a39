"""What an attempt cost: instances x billed time x price. What is not known stays unknown."""

from __future__ import annotations

from glue.core.training.settings import Settings


def attempt_cost(
    settings: Settings, *, instance_type: str, instance_count: int, billable_seconds: float | None
) -> float | None:
    """Return US dollars, or None when the price or the billed time is unknown.

    Spot is billed by the on-demand price for fewer seconds: BillableTimeInSeconds
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html).
    """
    entry = settings.instance_types.get(instance_type)
    if entry is None or entry.usd_per_hour is None or billable_seconds is None:
        return None
    return instance_count * billable_seconds * entry.usd_per_hour / 3600


def total(before: float | None, attempt: float | None, *, first: bool) -> float | None:
    """Return a job's cost after another attempt. One unknown attempt makes the whole unknown."""
    if attempt is None or (before is None and not first):
        return None
    return (before or 0.0) + attempt


def total_seconds(before: int | None, attempt: int | None, *, first: bool) -> int | None:
    """Return a job's billed seconds after another attempt, by the same rule."""
    whole = total(before, attempt, first=first)
    return None if whole is None else round(whole)
