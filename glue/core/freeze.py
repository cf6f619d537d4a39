"""Freeze windows: times at which nothing new may become live in an environment.

A window is absolute (`starts`, `ends`) or comes back every week (`weekly_from`, `weekly_until`), in the local time of
its time zone. Where daylight saving makes a local time happen twice, or never, the window takes the earlier beginning
and the later end: a freeze that lasts an hour too long does less harm than one that is an hour too short.
https://docs.python.org/3/library/zoneinfo.html#using-zoneinfo
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from glue.core.environment import Environment
from glue.errors import UsageError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT = re.compile(r"20\d{2}-\d{2}-\d{2}T\d{2}:\d{2}", re.ASCII)
_WEEKLY = re.compile(rf"({'|'.join(DAYS)}) ([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_KEYS = frozenset({"starts", "ends", "weekly_from", "weekly_until", "time_zone", "reason"})
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Window:
    """One window: `starts` and `ends` are local times without zone; or `weekly`, two distances from Monday 0:00."""

    name: str
    reason: str
    zone: ZoneInfo
    starts: datetime | None = None
    ends: datetime | None = None
    weekly: tuple[timedelta, timedelta] | None = None

    def around(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return beginning and end (UTC) of the occurrence that holds `now`, None when there is none. Ends are open."""
        found = [(begin, end) for begin, end in self._occurrences(now) if begin <= now < end]
        return (min(begin for begin, _ in found), max(end for _, end in found)) if found else None

    def _occurrences(self, now: datetime) -> Iterable[tuple[datetime, datetime]]:
        if self.starts is not None and self.ends is not None:
            yield self._early(self.starts), self._late(self.ends)
        if self.weekly is not None:
            first, last = self.weekly
            local = now.astimezone(self.zone).replace(tzinfo=None)
            monday = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=local.weekday())
            # one that began last week may still last, and a zone's change may move one across midnight
            for week in (-1, 0, 1):
                begin = monday + week * _WEEK
                yield self._early(begin + first), self._late(begin + last)

    def _early(self, local: datetime) -> datetime:
        return min(_instants(local, self.zone))

    def _late(self, local: datetime) -> datetime:
        return max(_instants(local, self.zone))


def _instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return both instants that a local time can mean; they differ only where clocks are changed (PEP 495)."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


@dataclass(frozen=True)
class Frozen:
    """A window that is open now, with its beginning and its end (UTC)."""

    window: Window
    begin: datetime
    end: datetime

    @property
    def text(self) -> str:
        """In words: which window, until when, and why."""
        local = self.end.astimezone(self.window.zone)
        until = f"{local:%a %Y-%m-%d %H:%M} {self.window.zone.key}"
        return f"freeze {self.window.name!r} lasts until {until} ({self.end:%Y-%m-%dT%H:%MZ}): {self.window.reason}"


def active(windows: Iterable[Window], now: datetime) -> tuple[Frozen, ...]:
    """Return the windows that are open at a moment, by name. `now` has a zone; ValueError otherwise."""
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    found = ((window, window.around(now)) for window in windows)
    return tuple(
        sorted((Frozen(window, *span) for window, span in found if span is not None), key=lambda f: f.window.name)
    )


def refusal(windows: Iterable[Window], now: datetime) -> str | None:
    """Return why nothing new may become live now, None when it may."""
    return "; ".join(frozen.text for frozen in active(windows, now)) or None


def windows_of(environment: Environment) -> tuple[Window, ...]:
    """Return an environment's freeze windows. Raises UsageError for what is not one."""
    freezes = {name: asdict(freeze) for name, freeze in environment.freezes.items()}
    return parse_windows(freezes, where=f"environments/{environment.name}/environment.tfvars")


def parse_windows(freezes: Mapping[str, object], *, where: str) -> tuple[Window, ...]:
    """Return the windows of an environment's `freezes`, by name. `where` names the file in errors.

    Raises UsageError, which says what to write, for whatever is not a window: a freeze must not be lost in silence.
    """
    return tuple(_window(name, entry, where=f"{where}: freezes.{name}") for name, entry in sorted(freezes.items()))


def _window(name: str, entry: object, *, where: str) -> Window:
    if not isinstance(entry, Mapping):
        raise UsageError(f"{where} is not an object", remedy="Give starts and ends, or weekly_from and weekly_until.")
    given = {key: value for key, value in entry.items() if value is not None}
    if unknown := sorted(set(given) - _KEYS):
        raise UsageError(
            f"{where} has unknown settings: {', '.join(unknown)}", remedy=f"Known: {', '.join(sorted(_KEYS))}."
        )
    texts = {key: _text(value, key, where) for key, value in given.items()}
    if not texts.get("reason", "").strip():
        raise UsageError(f"{where} has no reason", remedy="Say why: whoever is refused reads it.")
    zone = _zone(texts.get("time_zone", "UTC"), where)
    kinds = {key for key in texts if key not in {"reason", "time_zone"}}
    if kinds == {"starts", "ends"}:
        starts, ends = (_moment(texts[key], key, where) for key in ("starts", "ends"))
        if starts >= ends:
            raise UsageError(
                f"{where} ends before it starts", remedy="Exchange starts and ends, or correct one of them."
            )
        return Window(name, texts["reason"].strip(), zone, starts=starts, ends=ends)
    if kinds == {"weekly_from", "weekly_until"}:
        first, last = (_weekly(texts[key], key, where) for key in ("weekly_from", "weekly_until"))
        if first == last:
            raise UsageError(
                f"{where} begins and ends at the same time of the week",
                remedy="For a freeze without end give starts and ends; else correct one of the two.",
            )
        return Window(name, texts["reason"].strip(), zone, weekly=(first, last if last > first else last + _WEEK))
    raise UsageError(
        f"{where} gives {', '.join(sorted(kinds)) or 'no times'}",
        remedy="Give either both starts and ends, or both weekly_from and weekly_until.",
    )


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}.{key} is not a string", remedy="Put it in quotes.")
    return value


def _zone(name: str, where: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"{where}.time_zone: {name!r} is not known on this machine",
            remedy="Give a name of the IANA database, such as Europe/Berlin or UTC.",
        ) from error


def _moment(text: str, key: str, where: str) -> datetime:
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        return datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - local to the window's zone
    except ValueError as error:
        raise UsageError(
            f"{where}.{key}: {text!r} is not a local date and time",
            remedy="It looks like 2026-12-20T18:00; time_zone says whose time it is.",
        ) from error


def _weekly(text: str, key: str, where: str) -> timedelta:
    match = _WEEKLY.fullmatch(text)
    if not match:
        raise UsageError(
            f"{where}.{key}: {text!r} is not a time of the week",
            remedy=f"It looks like 'fri 16:00', with one of {', '.join(DAYS)} and 24 hours.",
        )
    return timedelta(days=DAYS.index(match[1]), hours=int(match[2]), minutes=int(match[3]))
