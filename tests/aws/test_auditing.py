"""The audit trail in a real bucket: written once, read newest first, and ended by a later call when one was killed."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from glue import auditing
from glue.auditing import Trail
from glue.aws.session import Session
from glue.console import Console
from glue.core import audit
from glue.core.audit import Record, Unreadable
from glue.errors import SlipwayError

R1, R2 = "r1-aaaaaaaa", "r2-bbbbbbbb"


@pytest.fixture
def endpoint() -> str:
    """An endpoint of which no other test writes."""
    return f"e{uuid.uuid4().hex[:8]}"


@pytest.fixture
def story() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def trail(qa: Session, story: io.StringIO) -> Trail:
    return Trail(qa, console=Console(stream=story, environ={}))


def history(session: Session, endpoint: str) -> list[Record]:
    return [entry for entry, _ in auditing.records(session, endpoint) if isinstance(entry, Record)]


def test_an_action_leaves_its_intent_and_its_end(qa: Session, trail: Trail, endpoint: str) -> None:
    with trail.around(action="promote", endpoint=endpoint, source=R1, to=R2, releases=["a"], why="w", plan="ab" * 32):
        assert [entry.outcome for entry in history(qa, endpoint)] == ["started"]
    (ended,) = history(qa, endpoint)
    assert (ended.outcome, ended.source, ended.to, ended.why, ended.plan) == ("done", R1, R2, "w", "ab" * 32)
    assert ended.by.startswith("arn:aws:")
    assert "222222222222" in ended.by
    assert ended.role == qa.environment.promote_role_arn
    assert len(list(qa.artifacts().keys(f"audit/{endpoint}/"))) == 2
    assert trail.unrecorded == []


def test_a_failure_is_recorded_with_its_reason(qa: Session, trail: Trail, endpoint: str) -> None:
    begun = trail.begin(action="promote", endpoint=endpoint, source=R1, to=R2)
    trail.end(begun, outcome="failed", reason="no capacity\x1b[31m", returned_to=R1)
    (ended,) = history(qa, endpoint)
    assert (ended.outcome, ended.returned_to) == ("failed", R1)
    assert ended.reason is not None
    assert "\x1b" not in ended.reason
    assert auditing.live_since(qa, endpoint, R2) is None


def test_an_error_that_leaves_the_block_is_recorded(qa: Session, trail: Trail, endpoint: str) -> None:
    with pytest.raises(SlipwayError), trail.around(action="prune", endpoint=endpoint):
        raise SlipwayError("the network is gone")
    (ended,) = history(qa, endpoint)
    assert (ended.action, ended.outcome, ended.reason) == ("prune", "failed", "the network is gone")


@pytest.mark.parametrize(("served", "outcome", "back"), [(R2, "done", None), (R1, "interrupted", R1)])
def test_what_a_killed_call_began_is_ended_by_the_next(
    qa: Session, trail: Trail, endpoint: str, served: str, outcome: str, back: str | None
) -> None:
    trail.begin(action="promote", endpoint=endpoint, source=R1, to=R2)
    (closed,) = trail.reconcile(endpoint, served=served)
    assert (closed.outcome, closed.returned_to) == (outcome, back)
    assert "ended_by" in closed.details
    assert trail.reconcile(endpoint, served=served) == []
    assert auditing.live_since(qa, endpoint, served) is not None


def test_the_own_end_of_a_call_that_was_taken_for_dead_wins(qa: Session, trail: Trail, endpoint: str) -> None:
    begun = trail.begin(action="promote", endpoint=endpoint, source=R1, to=R2)
    trail.reconcile(endpoint, served=R1)
    trail.end(begun)
    (ended,) = history(qa, endpoint)
    assert (ended.outcome, ended.details["of"]) == ("done", begun.id)


def test_the_newest_come_first_and_no_more_than_asked_for(qa: Session, endpoint: str) -> None:
    made = [auditing.record(qa, action="traffic", endpoint=endpoint, source=R1, to=R1) for _ in range(3)]
    assert [entry.id for entry in history(qa, endpoint)] == [record.id for record in reversed(made)]
    (newest,) = auditing.records(qa, endpoint, limit=1)
    assert newest[0] == made[-1]


def test_two_records_of_one_moment_are_both_kept(qa: Session, endpoint: str) -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    made = {auditing.record(qa, action="abort", endpoint=endpoint, to=R1, started=when).id for _ in range(2)}
    assert len(made) == 2
    assert {entry.id for entry in history(qa, endpoint)} == made


def test_hostile_objects_are_shown_and_hide_nothing(qa: Session, endpoint: str) -> None:
    bucket = qa.artifacts()
    good = auditing.record(qa, action="promote", endpoint=endpoint, source=R1, to=R2)
    for name, data in (
        ("99991231T235959999999Z-promote-r9-99999999.json", b"{}"),
        ("\x1b[2Jx.json", b"not json"),
        ("big.json", b" " * (audit.LIMIT + 1)),
        (f"{good.id}.json.json", audit.encode(good)),
    ):
        bucket.put_once(f"audit/{endpoint}/{name}", data, content_type="application/json")
    entries = [entry for entry, _ in auditing.records(qa, endpoint)]
    assert [entry for entry in entries if isinstance(entry, Record)] == [good]
    bad = [entry for entry in entries if isinstance(entry, Unreadable)]
    assert len(bad) == 4
    assert not any("\x1b" in entry.key for entry in bad)
    assert auditing.live_since(qa, endpoint, R2) is not None


def test_what_cannot_be_written_is_told_and_stops_nothing(
    qa: Session, trail: Trail, endpoint: str, story: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bool:
        raise SlipwayError("S3 is down")

    monkeypatch.setattr(type(qa.artifacts()), "put_once", refuse)
    done = []
    with trail.around(action="promote", endpoint=endpoint, source=R1, to=R2):
        done.append("the work")
    assert done == ["the work"]
    assert len(trail.unrecorded) == 2
    assert "is not in the audit trail: S3 is down" in story.getvalue()


def test_the_clock_gives_the_time_of_a_record(qa: Session, endpoint: str) -> None:
    moments: Callable[[], datetime] = iter(
        [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)]
    ).__next__
    trail = Trail(qa, console=Console(stream=io.StringIO(), environ={}), clock=moments)
    with trail.around(action="rollback", endpoint=endpoint, source=R2, to=R1):
        pass
    (ended,) = history(qa, endpoint)
    assert (ended.started, ended.ended) == ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")
