"""Schedule expressions: `rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)`, `at(2026-01-31T12:00:00)`.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


class ExpressionError(ValueError):
    """An expression that AWS refuses."""


class Schedule(Protocol):
    """When something happens."""

    def after(self, moment: datetime, *, start: datetime, zone: tzinfo = UTC) -> datetime | None:
        """Return the first time after `moment`, or None. `start`: when the schedule began; `zone`: its time zone."""
        ...


@dataclass(frozen=True)
class Rate:
    """Every so many seconds after the start."""

    seconds: int

    def after(self, moment: datetime, *, start: datetime, zone: tzinfo = UTC) -> datetime | None:
        """Return the first multiple after `moment`."""
        del zone
        passed = max((moment - start).total_seconds() // self.seconds, 0)
        return start + timedelta(seconds=(passed + 1) * self.seconds)


@dataclass(frozen=True)
class Once:
    """At one local time."""

    local: datetime  # without a zone

    def after(self, moment: datetime, *, start: datetime, zone: tzinfo = UTC) -> datetime | None:
        """Return that time unless it has passed."""
        del start
        found = self.local.replace(tzinfo=zone).astimezone(UTC)
        return found if found > moment else None


@dataclass(frozen=True)
class Cron:
    """At the minutes that six fields name."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: str
    months: frozenset[int]
    weekdays: str
    years: frozenset[int]

    def after(self, moment: datetime, *, start: datetime, zone: tzinfo = UTC) -> datetime | None:
        """Return the first match after `moment`, in the zone's wall time.

        A local time that a change to summer time leaves out is skipped; one that comes twice is taken once.
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
        """
        del start
        local = moment.astimezone(zone)
        day = local.date()
        last = min(max(self.years), day.year + 8)
        while day.year <= last:
            if day.year not in self.years or day.month not in self.months:
                day = _next_month(day)
                continue
            if self._on(day):
                found = self._first(day, moment, zone)
                if found is not None:
                    return found
            day += timedelta(days=1)
        return None

    def _first(self, day: date, moment: datetime, zone: tzinfo) -> datetime | None:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                found = local.astimezone(UTC)
                exists = found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
                if exists and found > moment:
                    return found
        return None

    def _on(self, day: date) -> bool:
        if self.weekdays == "?":
            return day.day in _days_of_month(self.days, day)
        return day.day in _weekdays_of_month(self.weekdays, day)


def parse(expression: str, *, at: bool) -> Schedule:
    """Return the schedule that an expression means; `at`: whether `at(...)` is known. Raises ExpressionError."""
    found = re.fullmatch(r"(rate|cron|at)\(\s*(.*?)\s*\)", expression or "")
    if not found or (found[1] == "at" and not at):
        raise ExpressionError(f"{expression!r} is no schedule expression")
    if found[1] == "rate":
        return _rate(found[2])
    if found[1] == "cron":
        return _cron(found[2])
    try:
        return Once(datetime.strptime(found[2], "%Y-%m-%dT%H:%M:%S"))  # noqa: DTZ007 (its zone is another setting)
    except ValueError as error:
        raise ExpressionError(f"{found[2]!r} is no time such as 2026-01-31T12:00:00") from error


def _rate(text: str) -> Rate:
    found = re.fullmatch(r"(\d{1,9})\s+(minute|hour|day)(s?)", text)
    if not found or int(found[1]) < 1 or (found[3] == "s") != (int(found[1]) > 1):
        raise ExpressionError(f"rate({text}): a number, and minute(s), hour(s) or day(s)")
    return Rate(int(found[1]) * _UNITS[found[2]])


def _cron(text: str) -> Cron:
    fields = text.upper().split()
    if len(fields) != 6:
        raise ExpressionError(f"cron({text}): six fields are needed")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ExpressionError(f"cron({text}): exactly one of day-of-month and day-of-week must be ?")
    made = Cron(
        _values(minutes, 0, 59),
        _values(hours, 0, 23),
        days,
        _values(months, 1, 12, _MONTHS),
        weekdays,
        _values(years, _FIRST_YEAR, _LAST_YEAR),
    )
    any_day = date(2024, 1, 1)
    if weekdays == "?":
        _days_of_month(days, any_day)
    else:
        _weekdays_of_month(weekdays, any_day)
    return made


def _values(field: str, least: int, most: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    """Return what `*`, `a`, `a-b`, `a/n`, `*/n` and lists of them mean."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        every = _number(step, 1, most) if step else 1
        if "/" in part and not step:
            raise ExpressionError(f"{part!r} has no step")
        first, _, last = span.partition("-")
        low = least if first == "*" else _number(first, least, most, names)
        open_end = most if first == "*" or step else low
        high = _number(last, least, most, names) if last else open_end
        found.update(_range(low, high, every, least, most))
    return frozenset(found)


def _range(low: int, high: int, every: int, least: int, most: int) -> Iterable[int]:
    """A range may go round: FRI-MON, NOV-FEB."""
    if low <= high:
        return range(low, high + 1, every)
    return [least + (one - least) % (most - least + 1) for one in range(low, high + most - least + 2, every)]


def _number(text: str, least: int, most: int, names: Mapping[str, int] | None = None) -> int:
    if names and text in names:
        return names[text]
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ExpressionError(f"{text!r} is not from {least} to {most}")
    return int(text)


def _days_of_month(field: str, day: date) -> set[int]:
    """Days of this month: numbers, L (the last), 15W (the weekday nearest to the 15th), LW."""
    last = calendar.monthrange(day.year, day.month)[1]
    if field in {"L", "LW"}:
        return {last if field == "L" else _nearest_weekday(day.replace(day=last), last)}
    if field.endswith("W"):
        number = min(_number(field[:-1], 1, 31), last)
        return {_nearest_weekday(day.replace(day=number), last)}
    return {one for one in _values(field, 1, 31) if one <= last}


def _nearest_weekday(day: date, last: int) -> int:
    if day.weekday() < 5:
        return day.day
    if day.weekday() == 5:  # Saturday: Friday, but within the month
        return day.day - 1 if day.day > 1 else day.day + 2
    return day.day + 1 if day.day < last else day.day - 2


def _weekdays_of_month(field: str, day: date) -> set[int]:
    """Days of this month on weekdays (1 is Sunday): numbers, names, 6L (the last Friday), 3#2 (the second Tuesday)."""
    last = calendar.monthrange(day.year, day.month)[1]
    by_weekday: dict[int, list[int]] = {}
    for number in range(1, last + 1):
        by_weekday.setdefault(day.replace(day=number).isoweekday() % 7 + 1, []).append(number)
    if "#" in field:
        weekday, _, nth = field.partition("#")
        found = by_weekday[_number(weekday, 1, 7, _DAYS)]
        position = _number(nth, 1, 5)
        return {found[position - 1]} if position <= len(found) else set()
    if field == "L":
        return set(by_weekday[7])
    if field.endswith("L") and field[:-1]:
        return {by_weekday[_number(field[:-1], 1, 7, _DAYS)][-1]}
    return {number for weekday in _values(field, 1, 7, _DAYS) for number in by_weekday[weekday]}


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
