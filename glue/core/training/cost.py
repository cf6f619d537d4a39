"""What an attempt cost: instances x billed time x price. An unknown price stays unknown."""

from __future__ import annotations

from glue.core.training.settings import Settings


def attempt_cost(
    settings: Settings, *, instance_type: str, instance_count: int, billable_seconds: float | None
) -> float | None:
    """Return US dollars, or None when the price or the time is unknown."""
    entry = settings.instance_types.get(instance_type)
    if entry is None or entry.usd_per_hour is None or billable_seconds is None:
        return None
    return instance_count * billable_seconds * entry.usd_per_hour / 3600


def total(before: float | None, attempt: float | None, *, first: bool) -> float | None:
    """Return a job's cost after another attempt. One unknown attempt makes the whole unknown."""
    if attempt is None or (before is None and not first):
        return None
    return (before or 0.0) + attempt
