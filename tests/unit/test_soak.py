"""A release has soaked when one valid record of evidence says that it was live long enough when it was checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.soak import Soaked, refusal

T0 = datetime(2026, 11, 21, 12, tzinfo=UTC)


def record(since: int, checked: int) -> Soaked:
    return Soaked(T0 + timedelta(minutes=since), T0 + timedelta(minutes=checked))


def ask(*records: Soaked, minutes: float = 60, now: int = 120) -> str | None:
    return refusal(
        records, minutes=minutes, now=T0 + timedelta(minutes=now), source="qa", release="r", endpoint="ranker"
    )


@pytest.mark.parametrize(
    ("records", "passes"),
    [
        ([record(0, 60)], True),
        ([record(0, 59)], False),
        ([record(0, 1), record(0, 61)], True),
        ([record(0, 130)], False),  # checked in the future
        ([record(90, 30)], False),
        ([], False),
    ],
)
def test_one_record_must_say_that_it_was_live_long_enough(records: list[Soaked], passes: bool) -> None:
    assert (ask(*records) is None) is passes


def test_no_soak_asks_for_nothing() -> None:
    assert ask(minutes=0) is None


def test_a_refusal_says_when_and_what_next() -> None:
    assert ask(record(0, 1), now=30) == (
        "r has to be live in qa for 1 h; evidence of 2026-11-21T12:01:00Z says 1 min. "
        "slipway verify --env qa --endpoint ranker --evidence (from 2026-11-21T13:00:00Z on, if it stays live)"
    )
    assert "(now)" in str(ask(record(0, 1), now=90))
    assert "no valid evidence" in str(ask())


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500))), st.integers(1, 500), st.integers(0, 500))
def test_it_passes_exactly_when_a_check_of_the_past_says_so(
    records: list[tuple[int, int]], minutes: int, now: int
) -> None:
    long_enough = any(checked <= now and checked - since >= minutes for since, checked in records)
    assert (ask(*(record(s, c) for s, c in records), minutes=minutes, now=now) is None) is long_enough
