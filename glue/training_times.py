"""Times as people give them and as they are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from glue.errors import UsageError

_SPAN = re.compile(r"(\d{1,5})([hdw])\Z")
_HOURS = {"h": 1, "d": 24, "w": 168}
_FIRST = 1_483_228_800_000  # 2017-01-01: there was no SageMaker before, and each week is looked up
_DAY_MS = 86_400_000


def moment(text: str, option: str, *, now: int) -> int:
    """Return the time (epoch ms) that `2026-01-31`, `2026-01-31T12:00:00Z`, `12h`, `7d` or `4w` means; UTC.

    A span is back from `now`. A time to come is at most a day from now. Raises UsageError, also before 2017.
    """
    try:
        found = _read(text, now)
        if found < _FIRST:
            raise ValueError("it is before 2017")
        return min(found, now + _DAY_MS)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option} {text!r} is not a time since 2017",
            remedy="Write 2026-01-31, 2026-01-31T12:00:00Z, or 7d for a week ago.",
        ) from error


def _read(text: str, now: int) -> int:
    if span := _SPAN.match(text):
        return now - int(span[1]) * _HOURS[span[2]] * 3_600_000
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def text(at: object) -> str:
    """Return a time (epoch ms) as 2026-01-31T12:00:00Z; `-` for what is none."""
    if isinstance(at, bool) or not isinstance(at, int):
        return "-"
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
