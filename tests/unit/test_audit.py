"""Audit records: what is written can be read, what is hostile is told, and what is live follows from them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import audit
from glue.core.audit import Kept, Record, Unreadable

T0 = datetime(2026, 11, 21, 15, tzinfo=UTC)
R1, R2, R3 = "r1-aaaaaaaa", "r2-bbbbbbbb", "r3-cccccccc"


def move(
    minute: int, source: str | None, to: str, outcome: str = "done", back: str | None = None, **more: object
) -> Record:
    when = T0 + timedelta(minutes=minute)
    begun = Record(
        id=audit.new_id(when, action="promote", subject=to),
        environment="qa",
        scope="ranker",
        action="promote",
        by="arn:aws:iam::222222222222:user/ann",
        started=audit.rfc3339(when),
        source=source,
        to=to,
        outcome="started",
    )
    if outcome == "started":
        return begun
    ended = begun.ends(when + timedelta(seconds=30), outcome=outcome, reason=None, returned_to=back)
    return replace(ended, **more)  # type: ignore[arg-type]


def kept(*records: Record | Unreadable) -> list[Kept]:
    """As S3 lists them, the newest first; stored a second after their end."""
    return [(r, T0 if isinstance(r, Unreadable) else audit.time_of(r.ended or r.started)) for r in reversed(records)]


def read(data: bytes, key: str) -> Record | Unreadable:
    return audit.decode(data, key=key, environment="qa")


@pytest.mark.parametrize("record", [move(0, None, R1), move(1, R1, R2, "failed", R1), move(2, R1, R2, "started")])
def test_what_is_written_can_be_read(record: Record) -> None:
    assert read(audit.encode(record), record.key) == record


def test_an_intent_lies_beside_its_end() -> None:
    begun, ended = move(0, None, R1, "started"), move(0, None, R1)
    assert begun.key == "audit/ranker/20261121T150000000000Z-promote-r1-aaaaaaaa.started.json"
    assert ended.key == "audit/ranker/20261121T150000000000Z-promote-r1-aaaaaaaa.json"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 2}, "its schema is not 1"),
        ({"action": "rollback"}, "is not the one of its id"),
        ({"outcome": "fine"}, "its outcome 'fine' is none of"),
        ({"to": "../../etc"}, "to is not a revision id"),
        ({"plan": "abc"}, "its plan is not a SHA-256"),
        ({"ended": None}, "it has an end exactly when it is over"),
        ({"ended": "yesterday"}, "does not match format"),
        ({"environment": "production"}, "of production"),
        ({"scope": "other"}, "it is the record audit/other/"),
        ({"releases": "r"}, "releases is not a list of strings"),
        ({"more": 1}, "unknown fields: more"),
        ({"details": {"a": 1}}, "a is not a string"),
    ],
)
def test_what_is_not_a_record_says_why(change: dict[str, object], why: str) -> None:
    record = move(0, None, R1)
    found = read(json.dumps({**record.as_json(), **change}).encode(), record.key)
    assert isinstance(found, Unreadable)
    assert why in found.why


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: json.dumps({"id": text}).encode()))
def test_nothing_in_an_object_is_fatal(data: bytes) -> None:
    assert isinstance(read(data, "audit/ranker/x.json"), Unreadable)


@given(st.text(max_size=3000))
def test_texts_do_no_harm_on_a_terminal(text: str) -> None:
    shown = audit.clean(text)
    assert len(shown) <= audit.TEXT_LIMIT
    assert not [c for c in shown if c != "\n" and not c.isprintable() and not c.isspace()]
    assert "\x1b" not in shown


def test_each_action_is_shown_once() -> None:
    begun, ended = move(0, None, R1, "started"), move(0, None, R1)
    interrupted = move(1, R1, R2, "interrupted", R1)
    own = replace(move(3, R1, R2), details={"of": interrupted.id})
    bad = Unreadable("audit/ranker/x", "no")
    assert [entry for entry, _ in audit.merged(kept(begun, ended, bad, interrupted, own))] == [own, bad, ended]


def test_a_promotion_makes_live_since_its_end() -> None:
    assert audit.live_since(kept(move(0, None, R1), move(5, R1, R2)), R2) == T0 + timedelta(minutes=5, seconds=30)
    assert audit.live_since(kept(move(0, None, R1), move(5, R1, R2)), R1) is None
    assert audit.live_since([], R1) is None


def test_a_failed_move_that_returned_is_no_break() -> None:
    entries = kept(move(0, None, R1), move(5, R1, R2, "failed", R1), move(9, R1, R1))
    assert audit.live_since(entries, R1) == T0 + timedelta(seconds=30)


@pytest.mark.parametrize("last", [move(5, R1, R2, "failed"), move(5, R1, R2, "started"), move(5, R1, R2)])
def test_what_is_not_known_to_be_live_is_not(last: Record) -> None:
    assert audit.live_since(kept(move(0, None, R1), last), R1) is None


def test_coming_back_begins_anew() -> None:
    entries = kept(move(0, None, R1), move(5, R1, R2), move(9, R2, R1), Unreadable("x", "y"))
    assert audit.live_since(entries, R1) == T0 + timedelta(minutes=9, seconds=30)


def test_a_writer_cannot_date_a_record_back() -> None:
    record = move(0, None, R1)
    assert audit.live_since([(record, T0 + timedelta(days=1))], R1) == T0 + timedelta(days=1)


def test_an_action_that_nobody_knows_is_a_bug() -> None:
    with pytest.raises(ValueError, match="is not an action"):
        audit.new_id(T0, action="destroy", subject=None)
