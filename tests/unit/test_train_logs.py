"""Following a log: lines once and in order, until the attempt has ended, whatever came late."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from glue.aws.logs import Line
from glue.core.training.words import Kind
from glue.errors import RefusedError, UsageError
from glue.training_jobs import remote_kind
from glue.training_logs import attempt_of, follow, place
from glue.training_queue import Queue

NEW = {"JobId": "a", "kind": "training", "JobStatus": "New", "attempt": 0}
RUNS = {"JobId": "a", "kind": "training", "JobStatus": "Launched", "attempt": 1}
DONE = {"JobId": "a", "kind": "training", "JobStatus": "Completed", "attempt": 1}


class World:
    """A job that is one state further, and a log that has more lines, at each look."""

    def __init__(self, states: list[dict[str, Any]], looks: list[list[tuple[int, str]]]) -> None:
        self.states = states
        self.looks = looks
        self.slept = 0
        self.asked: list[tuple[str, str, int | None]] = []
        session: Any = SimpleNamespace(logs=self)
        made: Any = SimpleNamespace(item=self.item, session=session)
        self.queue: Queue = made

    def item(self, job: str) -> dict[str, Any]:
        assert job == "a"
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def lines(self, group: str, *, streams: str, since: int | None = None) -> Iterator[Line]:
        self.asked.append((group, streams, since))
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return iter([Line(at, "s", text, text) for at, text in look if since is None or at >= since])

    def sleep(self, _: float) -> None:
        self.slept += 1
        assert self.slept < 50

    def follow(self, number: int | None = None) -> list[str]:
        return [line.text for line in follow(self.queue, "a", number, sleep=self.sleep)]


def test_lines_come_once_until_the_attempt_has_ended() -> None:
    first, second, late = (100_000, "one"), (200_000, "two"), (150_000, "late")
    looks = [[], [first], [first, second], [first, late, second, (200_000, "last")], [(200_000, "last"), second]]
    world = World([NEW, NEW, RUNS, RUNS, RUNS, DONE], looks)
    assert world.follow() == ["one", "two", "late", "last"]
    assert world.asked[0] == ("/aws/sagemaker/TrainingJobs", "a-1/", None)
    assert world.asked[-1][2] == 200_000 - 60_000


def test_an_attempt_that_is_over_is_read_once() -> None:
    world = World([DONE], [[(1, "one")]])
    assert world.follow(1) == ["one"]
    assert (world.slept, len(world.asked)) == (0, 1)


@pytest.mark.parametrize("end", [DONE | {"JobStatus": "Failed"}, RUNS | {"attempt": 2}, NEW | {"attempt": 1}])
def test_every_end_ends_it(end: dict[str, Any]) -> None:
    assert World([RUNS, RUNS, end], [[(1, "one")]]).follow() == ["one"]


def test_a_job_that_never_runs_has_no_log() -> None:
    with pytest.raises(RefusedError, match="a is Stopped: no attempt of it was launched"):
        World([NEW, NEW | {"JobStatus": "Stopped"}], [[]]).follow()
    with pytest.raises(UsageError, match="has 1 attempts, and no attempt 2"):
        attempt_of(dict(DONE), 2)


def test_each_kind_logs_in_its_place() -> None:
    spot = {"JobId": "p", "kind": "processing", "attempt": 3, "spot_attempts": 2, "purchase": "on-demand"}
    assert [remote_kind(dict(spot), number) for number in (1, 2, 3)] == [Kind.TRAINING, Kind.TRAINING, Kind.PROCESSING]
    assert place(dict(spot), 3) == ("/aws/sagemaker/ProcessingJobs", "p-3/")
    assert place(dict(spot), 1) == ("/aws/sagemaker/TrainingJobs", "p-1/")
    tuning = {"JobId": "t", "kind": "tuning", "attempt": 1, "purchase": "on-demand"}
    assert place(dict(tuning), 1) == ("/aws/sagemaker/TrainingJobs", "t-1-")
