"""When a scheduled action is due: at(), rate() and cron() expressions in a time zone.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_YEARS = 5  # how far ahead a cron expression is looked at


class ScheduleError(ValueError):
    """The expression or time zone is malformed. The message says how."""


def following(
    expression: str, moment: datetime, *, zone: str = "UTC", begin: datetime | None = None
) -> datetime | None:
    """Return when the action is due next after a moment (aware), in UTC; None: never again. Raises ScheduleError.

    `begin`: what a rate counts from.
    """
    try:
        place = ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ScheduleError(f"the time zone {zone!r} is not known") from error
    match = re.fullmatch(r"(at|rate|cron)\((.+)\)", expression.strip())
    if match is None:
        raise ScheduleError(f"the schedule {expression!r} is not at(...), rate(...) or cron(...)")
    kind, inner = match[1], match[2].strip()
    if kind == "at":
        due = _at(inner, place)
        return due if due > moment else None
    if kind == "rate":
        step = _rate(inner)
        first = begin or moment
        if first > moment:
            return first
        return first + step * ((moment - first) // step + 1)
    return _cron(inner, moment, place)


def _at(text: str, place: ZoneInfo) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=place).astimezone(UTC)
    except ValueError as error:
        raise ScheduleError(f"at() needs yyyy-mm-ddThh:mm:ss, not {text!r}") from error


def _rate(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)s?", text)
    if match is None:
        raise ScheduleError(f"rate() needs a number and minutes, hours or days, not {text!r}")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _cron(text: str, moment: datetime, place: ZoneInfo) -> datetime | None:
    fields = text.upper().split()
    if len(fields) == 5:
        fields.append("*")
    if len(fields) != 6:
        raise ScheduleError(f"cron() needs 6 fields, not {len(fields)}")
    minutes, hours = _field(fields[0], 0, 59), _field(fields[1], 0, 23)
    months, years = _field(fields[3], 1, 12, _MONTHS), _field(fields[5], 1970, 2199)
    local = moment.astimezone(place)
    day = local.date()
    for _ in range(366 * _YEARS):
        if day.month in months and day.year in years and _is_day(day, fields[2], fields[4]):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=place).astimezone(UTC)
                    if due > moment:
                        return due
        day += timedelta(days=1)
    return None


def _is_day(day: date, of_month: str, of_week: str) -> bool:
    """`L`, `nW` and `n#m` as cron expressions of AWS have them; one of the two fields is usually `?`."""
    year, month, number = day.year, day.month, day.day
    last = calendar.monthrange(year, month)[1]
    week = (calendar.weekday(year, month, number) + 1) % 7 + 1
    return _in_month(of_month, year, month, number, last) and _in_week(of_week, week, number, last)


def _in_month(text: str, year: int, month: int, number: int, last: int) -> bool:
    if text in {"*", "?"}:
        return True
    if text == "L":
        return number == last
    if match := re.fullmatch(r"(\d+)W", text):
        wanted = min(int(match[1]), last)
        weekday = calendar.weekday(year, month, wanted)
        move = {5: -1 if wanted > 1 else 2, 6: 1 if wanted < last else -2}.get(weekday, 0)
        return number == wanted + move
    return number in _field(text, 1, 31)


def _in_week(text: str, week: int, number: int, last: int) -> bool:
    if text in {"*", "?"}:
        return True
    if match := re.fullmatch(r"(\w+)#([1-5])", text):
        return week in _field(match[1], 1, 7, _DAYS) and (number - 1) // 7 + 1 == int(match[2])
    if match := re.fullmatch(r"(\w+)L", text):
        return week in _field(match[1], 1, 7, _DAYS) and number + 7 > last
    return week in _field(text, 1, 7, _DAYS)


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    """Return the numbers that one field of a cron expression allows."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, second = span.partition("-")
        begin = low if span in {"*", "?"} else _number(first, names)
        end = _number(second, names) if second else high if span in {"*", "?"} or step else begin
        size = _number(step, None) if step else 1
        if not low <= begin <= high or not low <= end <= high or size < 1:
            raise ScheduleError(f"{part!r} is not from {low} to {high}")
        wrapped = range(begin, end + 1, size) if begin <= end else [*range(begin, high + 1), *range(low, end + 1)]
        found.update(wrapped)
    return found


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not text.isdecimal():
        raise ScheduleError(f"{text!r} is not a number")
    return int(text)
