"""Freeze windows hold in every zone, across changes of the clock, and none is lost because it is not written right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import freeze
from glue.errors import UsageError

BERLIN = "Europe/Berlin"  # changes its clocks on 2026-03-29 (2:00 becomes 3:00) and 2026-10-25 (3:00 becomes 2:00)


def windows(**settings: str) -> tuple[freeze.Window, ...]:
    return freeze.parse_windows({"f": {"reason": "why", **settings}}, where="file")


def at(text: str, zone: str = BERLIN, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


YEAR_END = windows(starts="2026-12-20T18:00", ends="2027-01-04T08:00", time_zone=BERLIN)
WEEKEND = windows(weekly_from="fri 16:00", weekly_until="mon 07:00", time_zone=BERLIN)


@pytest.mark.parametrize(
    ("found", "moment", "frozen"),
    [
        (YEAR_END, "2026-12-20T17:59:59", False),
        (YEAR_END, "2026-12-20T18:00", True),
        (YEAR_END, "2027-01-04T07:59:59", True),
        (YEAR_END, "2027-01-04T08:00", False),
        (WEEKEND, "2026-11-20T15:59", False),
        (WEEKEND, "2026-11-20T16:00", True),
        (WEEKEND, "2026-11-22T12:00", True),
        (WEEKEND, "2026-11-23T06:59", True),
        (WEEKEND, "2026-11-23T07:00", False),
        (WEEKEND, "2026-03-29T12:00", True),
        (WEEKEND, "2026-10-26T06:59", True),
        (WEEKEND, "2026-10-26T07:00", False),
        (windows(weekly_from="tue 09:00", weekly_until="tue 10:00"), "2026-11-24T09:30", False),  # UTC, not Berlin
    ],
)
def test_windows_open_and_close(found: tuple[freeze.Window, ...], moment: str, frozen: bool) -> None:
    assert (freeze.refusal(found, at(moment)) is not None) is frozen
    assert (freeze.refusal(found, at(moment).astimezone(UTC)) is not None) is frozen


def test_an_hour_that_comes_twice_is_frozen_twice() -> None:
    found = windows(weekly_from="sun 02:15", weekly_until="sun 02:45", time_zone=BERLIN)
    for fold in (0, 1):
        assert freeze.active(found, at("2026-10-25T02:30", fold=fold))
    assert freeze.active(found, at("2026-10-25T02:50"))  # between the two: one freeze, not two
    assert not freeze.active(found, at("2026-10-25T02:45", fold=1))


def test_an_hour_that_never_comes_freezes_around_the_change() -> None:
    found = windows(starts="2026-03-29T02:30", ends="2026-03-29T02:40", time_zone=BERLIN)
    assert freeze.active(found, at("2026-03-29T01:59"))
    assert freeze.active(found, at("2026-03-29T03:30"))
    assert not freeze.active(found, at("2026-03-29T03:40"))


def test_a_refusal_names_the_window_its_end_and_its_reason() -> None:
    assert freeze.refusal(YEAR_END, at("2026-12-24T12:00")) == (
        "freeze 'f' lasts until Mon 2027-01-04 08:00 Europe/Berlin (2027-01-04T07:00Z): why"
    )


def test_all_open_windows_are_named() -> None:
    both = freeze.parse_windows(
        {
            "b": {"starts": "2026-01-01T00:00", "ends": "2026-02-01T00:00", "reason": "one"},
            "a": {"weekly_from": "mon 00:00", "weekly_until": "sun 23:59", "reason": "two"},
        },
        where="file",
    )
    text = freeze.refusal(both, datetime(2026, 1, 14, tzinfo=UTC))
    assert text is not None
    assert text.index("'a'") < text.index("'b'")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "freezes.f gives no times"),
        ({"starts": "2026-01-01T00:00"}, "freezes.f gives starts"),
        ({"starts": "2026-01-01T00:00", "weekly_until": "mon 00:00"}, "gives starts, weekly_until"),
        ({"starts": "2026-01-02T00:00", "ends": "2026-01-01T00:00"}, "ends before it starts"),
        ({"starts": "2026-02-30T00:00", "ends": "2026-03-01T00:00"}, "starts: '2026-02-30T00:00' is not a local date"),
        ({"starts": "2026-01-01T00:00Z", "ends": "2026-03-01T00:00"}, "is not a local date and time"),
        ({"starts": "\u0662026-01-01T00:00", "ends": "2026-03-01T00:00"}, "is not a local date and time"),
        ({"weekly_from": "friday 16:00", "weekly_until": "mon 07:00"}, "is not a time of the week"),
        ({"weekly_from": "fri 24:00", "weekly_until": "mon 07:00"}, "is not a time of the week"),
        ({"weekly_from": "fri 16:00", "weekly_until": "fri 16:00"}, "begins and ends at the same time"),
        (
            {"weekly_from": "fri 16:00", "weekly_until": "mon 07:00", "time_zone": "Mars/Base"},
            "'Mars/Base' is not known",
        ),
        ({"weekly_from": "fri 16:00", "weekly_until": "mon 07:00", "time_zone": "../../etc/passwd"}, "is not known"),
        ({"weekly_from": "fri 16:00", "weekly_until": "mon 07:00", "time_zone": "Europe"}, "is not known"),
        ({"weekly_from": "fri 16:00", "weekly_until": "mon 07:00", "until": "x"}, "unknown settings: until"),
        ({"reason": " ", "weekly_from": "fri 16:00", "weekly_until": "mon 07:00"}, "has no reason"),
    ],
)
def test_what_is_not_a_window_says_what_to_write(settings: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        windows(**settings)
    assert message in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("entry", ["fri", {"starts": 3}, {"reason": True}])
def test_a_value_of_another_type_is_an_error(entry: object) -> None:
    with pytest.raises(UsageError):
        freeze.parse_windows({"f": entry}, where="file")


def test_now_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        freeze.active((), datetime(2026, 1, 1))  # noqa: DTZ001 - this is the point


ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"])
MOMENTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1))  # noqa: DTZ001
MINUTES = st.integers(0, 7 * 24 * 60 - 1)


def of_week(minute: int) -> str:
    day, rest = divmod(minute, 24 * 60)
    return f"{freeze.DAYS[day]} {rest // 60:02d}:{rest % 60:02d}"


@given(MINUTES, MINUTES, ZONES, MOMENTS)
def test_whatever_the_wall_clock_shows_inside_a_weekly_window_is_frozen(
    first: int, last: int, zone: str, local: datetime
) -> None:
    if first == last:
        return
    found = windows(weekly_from=of_week(first), weekly_until=of_week(last), time_zone=zone)
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    shown = moment.astimezone(ZoneInfo(zone))
    minute = shown.weekday() * 24 * 60 + shown.hour * 60 + shown.minute
    inside = first <= minute < last if first < last else minute >= first or minute < last
    if inside:
        assert freeze.active(found, moment)
    elif freeze.active(found, moment):  # only near a change of the clock, and by no more than it
        near = {(moment + timedelta(hours=h)).astimezone(ZoneInfo(zone)).utcoffset() for h in range(-49, 50)}
        assert len(near) > 1


@given(MOMENTS, st.timedeltas(timedelta(minutes=1), timedelta(days=400)), ZONES, MOMENTS)
def test_an_absolute_window_holds_between_its_local_times(
    starts: datetime, length: timedelta, zone: str, local: datetime
) -> None:
    starts = starts.replace(second=0, microsecond=0)
    ends = (starts + length).replace(second=0, microsecond=0)
    if ends <= starts:
        return
    found = windows(starts=f"{starts:%Y-%m-%dT%H:%M}", ends=f"{ends:%Y-%m-%dT%H:%M}", time_zone=zone)
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if starts <= shown < ends:
        assert freeze.active(found, moment)
    if not starts - timedelta(days=2) <= shown < ends + timedelta(days=2):
        assert not freeze.active(found, moment)
