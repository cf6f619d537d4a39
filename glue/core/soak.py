"""Soak: how long a release has to be live in the environment before, until the next one accepts it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Soaked:
    """What one valid record of evidence says: live without a break since, and checked at. Both have a zone."""

    live_since: datetime
    checked_at: datetime

    @property
    def length(self) -> timedelta:
        """How long it was live when it was checked."""
        return self.checked_at - self.live_since


def refusal(
    records: Iterable[Soaked], *, minutes: float, now: datetime, source: str, release: str, endpoint: str | None = None
) -> str | None:
    """Return why a release has not soaked long enough, with when and what next; None when it has, or nothing is asked.

    A check that lies in the future proves nothing. Whether the records are genuine was decided before.
    """
    needed = timedelta(minutes=minutes)
    if needed <= timedelta(0):
        return None
    believed = [record for record in records if record.live_since <= record.checked_at <= now]
    if any(record.length >= needed for record in believed):
        return None
    wanted = f"{release} has to be live in {source} for {_words(needed)}"
    if not believed:
        return f"{wanted}, and no valid evidence says since when it is live there"
    best = max(believed, key=lambda record: (record.length, record.checked_at))
    ready = min(record.live_since for record in believed) + needed
    check = f"slipway verify --env {source}{f' --endpoint {endpoint}' if endpoint else ''} --evidence"
    when = "now" if ready <= now else f"from {ready:%Y-%m-%dT%H:%M:%SZ} on, if it stays live"
    return f"{wanted}; evidence of {best.checked_at:%Y-%m-%dT%H:%M:%SZ} says {_words(best.length)}. {check} ({when})"


def _words(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts) or "0 min"
