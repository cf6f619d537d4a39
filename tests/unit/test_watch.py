"""Whose answer it is, and what it proves: only what the new release says of itself ends a deployment."""

from __future__ import annotations

import json
from collections import deque

import pytest

from glue.core.golden import TRIES, GoldenRequest
from glue.core.watch import (
    Ledger,
    Question,
    Reply,
    changed_variants,
    questions,
    reason_in_error,
    release_in,
    release_in_error,
)
from tests.unit.revision_support import NEXT_RELEASE, RELEASE, revision, variant

ONE = GoldenRequest("one", "a/b", "a/b", b"1", 1, latency_ms=50)
TWO = GoldenRequest("two", "a/b", "a/b", b"2", 2)


def ledger(*requests: GoldenRequest) -> Ledger:
    return Ledger(deque(Question("main", NEXT_RELEASE, request) for request in requests or (ONE, TWO)))


def new(body: bytes, latency_ms: float = 1.0, **more: object) -> Reply:
    return Reply(NEXT_RELEASE, latency_ms, body, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attributes", "release"),
    [
        (f"slipway-release={RELEASE}", RELEASE),
        (f"slipway-release={RELEASE},slipway-release={NEXT_RELEASE}", RELEASE),
        (f"trace=1; slipway-release={RELEASE}", RELEASE),
        (f"my-slipway-release={RELEASE}", None),
        ("slipway-release=", None),
        ("slipway-release=UPPER", None),
        (f"slipway-release={'a' * 65}", None),
        ("", None),
        ("slipway-release=" * 60, None),
    ],
)
def test_the_mark_of_an_answer(attributes: str, release: str | None) -> None:
    assert release_in(attributes) == release


@pytest.mark.parametrize(
    "said",
    ["", "no json", "[" * 100_000, "[]", "null", '{"error": "text"}', '{"error": {"release": 7}}', '{"error": {}}'],
)
def test_an_error_that_names_no_release_names_none(said: str) -> None:
    assert release_in_error(said) is None
    assert reason_in_error(said) == said[:300]


def test_an_error_names_its_release() -> None:
    said = json.dumps({"error": {"status": 500, "reason": "RuntimeError: \x1bx", "release": RELEASE}})
    assert release_in_error(said) == RELEASE
    assert reason_in_error(said) == r"RuntimeError: \x1bx"


def test_only_variants_that_get_another_release_are_asked() -> None:
    before = revision(1)
    after = revision(1, release=NEXT_RELEASE)
    both = {"main": variant(release=NEXT_RELEASE), "added": variant(release=NEXT_RELEASE)}
    assert changed_variants(None, after) == {}
    assert changed_variants(before, before) == {}
    assert changed_variants(before, after) == {"main": NEXT_RELEASE}
    assert changed_variants(before, type(after)(variants=both)) == {"main": NEXT_RELEASE}
    asked = questions({"main": NEXT_RELEASE, "other": RELEASE}, {NEXT_RELEASE: (ONE, TWO)})
    assert [(one.variant, one.request.name) for one in asked] == [("main", "one"), ("main", "two")]


def test_it_passes_when_the_new_release_answered_each() -> None:
    kept = ledger()
    kept.take(Reply(RELEASE, 1.0, b"999"))  # the old one, wrong: no concern of this deployment
    kept.take(new(b"2"))
    assert not kept.over
    kept.take(new(b"1"))
    verdict = kept.verdict()
    assert (verdict.state, verdict.asked, verdict.answered, verdict.open) == ("passed", 3, 2, 0)


def test_a_wrong_answer_fails_at_once_and_names_request_found_and_wanted() -> None:
    kept = ledger()
    kept.take(new(b"7"))
    assert kept.over
    verdict = kept.verdict(aborted=True)
    assert verdict.failed
    assert verdict.aborted
    assert verdict.reason == (
        f"golden request 'one' of {NEXT_RELEASE} on variant main: $ is 7, not 1 (6 away, 2e-06 allowed)"
    )


@pytest.mark.parametrize("status", [400, 500, 504])
def test_a_containers_error_fails_when_it_names_the_new_release(status: int) -> None:
    kept = ledger()
    kept.take(Reply(RELEASE, 1.0, status=status, said="old"))
    kept.take(Reply(None, 1.0, status=status, said="who knows"))
    assert kept.failure is None
    kept.take(Reply(NEXT_RELEASE, 1.0, status=status, said="RuntimeError: x"))
    assert kept.failure is not None
    assert kept.failure.reason == f"the container answered {status}: RuntimeError: x"


@pytest.mark.parametrize("status", [429, 503])
def test_a_container_that_has_no_time_says_nothing_about_its_answers(status: int) -> None:
    kept = ledger(ONE)
    for _ in range(50):
        kept.take(Reply(NEXT_RELEASE, 1.0, status=status, said="the model is still loading"))
    assert not kept.over
    assert kept.verdict().state == "unseen"


def test_slow_answers_fail_only_when_they_stay_slow() -> None:
    cold = ledger(ONE)
    for _ in range(TRIES - 1):
        cold.take(new(b"1", 900.0))
    cold.take(new(b"1", 20.0))
    assert cold.verdict().state == "passed"
    slow = ledger(ONE)
    for _ in range(TRIES):
        slow.take(new(b"1", 900.0))
    assert slow.verdict().reason == (
        f"golden request 'one' of {NEXT_RELEASE} on variant main: it took 900.0 ms, 50 ms allowed; so did 5 in a row"
    )


def test_late_answers_in_a_row_count_whatever_was_asked() -> None:
    three = GoldenRequest("three", "a/b", "a/b", b"3", 3, latency_ms=50)
    kept = ledger(ONE, three)
    for _ in range(TRIES):
        kept.take(new(kept.next.request.body, 900.0))
    assert kept.failure is not None
    mixed = ledger(ONE, three, TWO)
    for _ in range(TRIES - 2):
        mixed.take(new(mixed.next.request.body, 900.0))  # TWO has no limit, and interrupts the row
    assert mixed.failure is None


def test_the_clients_own_retries_are_not_the_models_slowness() -> None:
    kept = ledger(ONE)
    for _ in range(20):
        kept.take(new(b"1", 900.0, retried=True))
    assert kept.failure is None
    kept.take(new(b"2", 900.0, retried=True))
    assert kept.failure is not None


def test_what_was_not_seen_is_said_with_its_reason() -> None:
    nothing = ledger()
    assert nothing.verdict().reason == "no golden request reached the new release while it was deployed"
    nothing.unanswered()
    nothing.take(Reply(None, 1.0, b"1"))
    assert nothing.verdict().reason == "the answers do not say which release gave them"
    old = ledger()
    old.take(Reply(RELEASE, 1.0, b"1"))
    assert old.verdict().reason == "no golden request reached the new release while it was deployed"
    half = ledger()
    half.take(new(b"1"))
    assert half.verdict().reason == "1 golden request did not reach the new release while it was deployed"
    late = ledger(ONE)
    late.take(new(b"1", 900.0))
    late.take(new(b"1", 900.0))
    assert late.verdict().reason == "the new release answered late 2 times in a row, of 5 that would be a failure"
    assert half.verdict(ended="the network is gone").reason == "the network is gone"


def test_every_question_has_its_turn() -> None:
    kept = ledger()
    asked = []
    for _ in range(4):
        asked.append(kept.next.request.name)
        kept.take(Reply(RELEASE, 1.0, b"1"))
    kept.unanswered()
    assert asked == ["one", "two", "one", "two"]
    assert kept.next.request.name == "two"
