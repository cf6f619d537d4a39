"""The witness of the queue's benchmark sees what must not happen."""

from __future__ import annotations

import pytest

from bench import queue_witness as witness

GOOD = [("New", 0), ("Launched", 1), ("Completed", 1)]


def test_a_good_life_breaks_no_promise() -> None:
    assert witness.judged({"a": GOOD}, {"a": "Completed"}) == []
    assert witness.launched({"a": GOOD}, {"a-1"}, 1) == []


@pytest.mark.parametrize(
    ("life", "said"),
    [
        ([], "a was lost"),
        (GOOD[:2], "a ended 0 times: New Launched"),
        ([*GOOD, ("Failed", 1)], "a ended 2 times: New Launched Completed Failed"),
        ([*GOOD, ("New", 1)], "a ended 1 times: New Launched Completed New"),
        ([*GOOD[:2], ("Failed", 1)], "a is Failed, its program ends Completed"),
    ],
)
def test_a_bad_life_is_seen(life: list[tuple[str, int]], said: str) -> None:
    assert said in witness.judged({"a": life} if life else {}, {"a": "Completed"})


@pytest.mark.parametrize(
    ("made", "accepted", "said"),
    [
        (set(), 0, "a-1 was never launched"),
        ({"a-1"}, 2, "2 launches for 1 names"),
        ({"a-1", "a-2"}, 2, "a-2 was launched for no attempt"),
    ],
)
def test_a_bad_launch_is_seen(made: set[str], accepted: int, said: str) -> None:
    assert witness.launched({"a": GOOD}, made, accepted) == [said]


def test_the_busiest_second_is_any_second() -> None:
    moments = ("00.0", "00.9", "01.0", "01.8", "01.85")
    lines = [{"time": f"2026-01-31T12:00:{one}00+00:00", "operation": "ListTrainingJobs"} for one in moments]
    assert witness.busiest_second(lines) == 4
    assert witness.busiest_second([{**lines[0], "operation": "DescribeTrainingJob"}]) == 0
