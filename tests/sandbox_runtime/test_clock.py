"""The one clock: AWS's time, faster than the wall's."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.runtime import clock as clocks
from sandbox.runtime.clock import Clock

from .conftest import until


def test_it_starts_at_wall_time_and_runs_ahead() -> None:
    clock = Clock(1000)
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 60
    time.sleep(0.05)
    assert 45 < clock.elapsed() < 5000
    assert clock.now().utcoffset() == timedelta(0)
    assert abs(clock.ahead() - clock.elapsed()) < 60


def test_a_change_of_speed_makes_no_jump_and_ends_waits_earlier() -> None:
    clock = Clock(1)
    slept = threading.Thread(target=clock.sleep, args=(3600,))
    slept.start()
    before = clock.now()
    clock.set_speed(100_000)
    assert timedelta(0) <= clock.now() - before < timedelta(hours=1)
    slept.join(timeout=5)
    assert not slept.is_alive()
    clock.set_speed(1)
    assert clock.elapsed() >= 3600  # what has passed stays


def test_it_stops() -> None:
    clock = Clock(1000)
    assert clock.sleep(1)
    done: list[str] = []
    clock.after(3600, lambda: done.append("late"), name="late")
    clock.stop()
    assert not clock.sleep(3600)
    assert clock.every(1, lambda: done.append("never"), name="never").cancelled
    assert not done


def test_work_is_done_when_it_is_due_in_order() -> None:
    clock = Clock(1000)
    seen: list[str] = []
    clock.after(60, lambda: seen.append("second"), name="second")
    clock.at(clock.now() + timedelta(seconds=10), lambda: seen.append("first"), name="first")
    clock.at(clock.now() - timedelta(days=1), lambda: seen.append("at once"), name="at once")
    taken_back = clock.after(30, lambda: seen.append("never"), name="never")
    taken_back.cancel()
    until(lambda: list(seen), lambda one: len(one) == 3)
    assert seen == ["at once", "first", "second"]
    clock.stop()


def test_repeated_work_survives_an_error_and_never_overlaps() -> None:
    clock = Clock(1000)
    running = threading.Lock()
    count: list[int] = []

    def work() -> None:
        assert running.acquire(blocking=False)
        count.append(1)
        time.sleep(0.01)
        running.release()
        if len(count) == 1:
            raise ValueError("the first time it fails")

    timer = clock.every(1, work, name="work")
    until(lambda: len(count), lambda number: number >= 3)
    timer.cancel()
    time.sleep(0.05)
    before = len(count)
    time.sleep(0.1)
    assert len(count) == before
    clock.stop()


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_speed_that_is_none(speed: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Clock(speed)
    with pytest.raises(ValueError, match="must be above 0"):
        Clock(60).set_speed(speed)


def test_the_shared_clock_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_SPEED", "123")
    mine = clocks.share(Clock(5))
    assert clocks.shared() is mine is clocks.begin()
    mine.stop()
    assert clocks.begin().speed == 123
    assert clocks.shared() is clocks.begin()
    monkeypatch.setenv("SANDBOX_SPEED", "fast")
    with pytest.raises(ValueError, match="SANDBOX_SPEED"):
        clocks.speed_from_environment()
