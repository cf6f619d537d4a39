"""Dead letters: asked for until the function has time, watched until they are moved, told when they are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from glue.aws.sqs import Depth, Message, Move
from glue.errors import AwsError
from glue.training_queue import Queue
from glue.training_redrive import Redriven, deliver, repair

Answer = Any


@dataclass
class World:
    """A queue whose function and whose moves answer one after the other."""

    answers: list[Answer]
    moves: list[Move | None]
    waiting: int = 3
    now: float = 0.0
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def call(self, name: str, event: Any) -> Any:
        self.asked.append((name, event))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def depth(self, url: str) -> Depth:
        return Depth(f"arn of {url}", self.waiting, 0)

    def move(self, arn: str) -> Move | None:
        assert arn == "arn of dead"
        return self.moves.pop(0) if len(self.moves) > 1 else self.moves[0]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def deliver(self) -> Redriven:
        session = SimpleNamespace(functions=self, queues=self)
        places = SimpleNamespace(name="q", queues={"events_dead": "dead"})
        queue: Any = SimpleNamespace(session=session, places=places)
        return deliver(queue, "events", timeout_s=60, sleep=self.sleep, clock=lambda: self.now)


def test_a_busy_function_is_asked_again() -> None:
    busy = AwsError("AWS throttled Invoke")
    world = World([busy, busy, {"moved": {}}], [None, Move("RUNNING", 1, 3), Move("COMPLETED", 3, 3)])
    assert world.deliver() == Redriven("events", 3, 3, "completed")
    assert world.asked[-1] == ("q-sweep", {"redrive": ["events-dead"]})
    assert world.now == pytest.approx(2 * 5 + 2)


def test_another_error_is_told_at_once() -> None:
    with pytest.raises(AwsError, match="denied"):
        World([AwsError("denied")], [None]).deliver()
    with pytest.raises(AwsError, match="throttled"):
        World([AwsError("AWS throttled Invoke")] * 20, [None]).deliver()


def test_what_is_not_moved_is_told() -> None:
    refused = World([{"failed": {"events-dead": "a task runs"}}], [None]).deliver()
    assert (refused.status, refused.failed) == ("failed", {"events-dead": "a task runs"})
    failed = World([{}], [Move("FAILED", 1, 3, "no source")]).deliver()
    assert (failed.status, failed.moved, failed.failed) == ("failed", 1, {"move": "no source"})
    slow = World([{}], [Move("RUNNING", 1, 3)])
    assert (slow.deliver().status, slow.now) == ("running", 60)
    assert World([{}], [None]).deliver().status == "not begun"


def test_an_empty_queue_asks_nobody() -> None:
    world = World([], [None], waiting=0)
    assert world.deliver() == Redriven("events", 0)
    assert world.asked == []


def test_what_cannot_be_repaired_stays_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glue.training_redrive.untold", lambda *_, **__: ([f"job-{n}" for n in range(30)], []))
    batch = Message('{"DDBStreamBatchInfo": {}}', "r1")
    template = '{"requestPayload": {"template": {"id": "a-{date}"}, "scheduled_at": "never", "schedule": "nightly"}}'
    handed = [[batch, Message("{}", "r2"), Message(template, "r3"), Message("no JSON", "r4")], [batch]]
    deleted: list[str] = []
    world = World([{"repaired": ["job-0"], "failed": {"job-1": "S3 said no"}}, AwsError("it failed")], [None])
    queues = SimpleNamespace(
        receive=lambda _url, hidden_s: handed.pop(0) if handed and hidden_s else [],
        delete=lambda _url, message: deleted.append(message.receipt),
    )
    session = SimpleNamespace(functions=world, queues=queues)
    made: Any = SimpleNamespace(session=session, places=SimpleNamespace(name="q", queues={"failures": "f"}))
    queue: Queue = made
    found = repair(queue, now=0, say=lambda _: None, sleep=world.sleep)
    assert [name for name, _ in world.asked] == ["q-finish:repair"] * 2
    assert (found.repaired, found.submitted, found.status) == (("job-0",), (), "3 left")
    assert found.failed["job-1"] == "S3 said no"
    assert found.failed["job-29"] == "it failed"
    assert "is no time" in found.failed["nightly"]
    assert deleted == ["r2"]


def test_a_batch_of_a_job_that_ended_just_now_is_not_deleted_before_it_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: dict[int, tuple[list[str], list[str]]] = {0: ([], ["told", "untold"]), 60_000: (["untold"], ["later"])}
    monkeypatch.setattr("glue.training_redrive.untold", lambda _, now: found[now])
    handed = [[Message('{"DDBStreamBatchInfo": {}}', "r1")]]
    deleted: list[str] = []
    world = World([{"repaired": ["untold"], "failed": {}}], [None])
    queues = SimpleNamespace(
        receive=lambda _url, hidden_s: handed.pop(0) if handed and hidden_s else [],
        delete=lambda _url, message: deleted.append(message.receipt),
    )
    session = SimpleNamespace(functions=world, queues=queues)
    queue: Any = SimpleNamespace(session=session, places=SimpleNamespace(name="q", queues={"failures": "f"}))
    assert repair(queue, now=0, say=lambda _: None, sleep=world.sleep).repaired == ("untold",)
    assert world.now == 60
    assert world.asked == [("q-finish:repair", {"repair": ["untold"]})]
    assert deleted == ["r1"]
