"""Two answers to one request: where they differ, by how much, and which requests belong together."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.capture import Body, Captured
from glue.core.comparing import Comparison, Found, Tolerance
from glue.core.shadow import Matcher, Tally, distribution

JSON = "application/json"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def compared(first: object, second: object, *ignored: str, tolerance: Tolerance | None = None) -> list[Found]:
    comparison = Comparison(tolerance or Tolerance(), frozenset(ignored))
    bodies = (json.dumps(first).encode(), json.dumps(second).encode())
    return list(comparison.compare(*bodies, kinds=(JSON, JSON)))


def wrong(first: object, second: object, *ignored: str) -> list[tuple[str, str | None]]:
    return [(found.path, found.kind) for found in compared(first, second, *ignored) if found.kind]


@given(VALUES)
def test_everything_agrees_with_itself(value: object) -> None:
    assert [found for found in compared(value, value) if found.kind] == []


@given(VALUES, VALUES)
def test_agreement_knows_no_direction_without_a_relative_tolerance(one: object, two: object) -> None:
    exact = Tolerance(0.5, 0)
    kinds = [
        sorted((f.path, f.kind or "") for f in compared(*pair, tolerance=exact)) for pair in ((one, two), (two, one))
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("a", "value")]),
        ({"a": 1}, {"a": "1"}, [("a", "value")]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", "number")]),
        ({"a": 1}, {"b": 1}, [("a", "shape"), ("b", "shape")]),
        ([1, 2], [1], [("$", "shape")]),
        ([1, 2], [2, 1], [("$", "number"), ("$", "number")]),
        ([], {}, [("$", "shape")]),
        (None, 0, [("$", "value")]),
        ({"r": [{"id": "a"}, {"id": "b"}]}, {"r": [{"id": "b"}, {"id": "a"}]}, [("r", "order")]),
        ({"r": [{"id": 1, "s": 2}]}, {"r": [{"id": 1, "s": 3}]}, [("r.s", "number")]),
        ({"r": [{"id": 1}, {"id": 1}]}, {"r": [{"id": 1}, {"id": 2}]}, [("r.id", "number")]),
        ({"r": [{"id": "a"}]}, {"r": [{"id": "c"}]}, [("r.id", "value")]),
        (10**400, 10**400, []),
        (10**400, -(10**400), [("$", "number")]),
    ],
)
def test_what_differs_is_found_at_its_path(first: object, second: object, expected: list[tuple[str, str]]) -> None:
    assert wrong(first, second) == expected


def test_numbers_keep_their_distance_within_the_tolerance_too() -> None:
    (found,) = compared({"score": 1.0}, {"score": 1.0000005})
    assert (found.kind, found.away) == (None, pytest.approx(5e-7))
    (found,) = compared({"score": 1.0}, {"score": 1.25})
    assert (found.kind, found.away) == ("number", 0.25)


def test_ids_that_items_are_found_by_are_no_numbers_of_the_answer() -> None:
    found = compared({"r": [{"id": 7, "s": 1}]}, {"r": [{"id": 7, "s": 1}]})
    assert found == [Found("r.s", None, 0.0)]


def test_what_is_ignored_is_ignored_with_all_below_it() -> None:
    first, second = {"model": {"version": "1", "deep": [1]}, "x": 1}, {"model": {"version": "2", "deep": 3}, "x": 1}
    assert wrong(first, second, "model.version") == [("model.deep", "shape")]
    assert wrong(first, second, "model") == []
    assert wrong({"model": 1}, {}, "model") == []


@pytest.mark.parametrize(
    ("first", "second", "kinds", "expected"),
    [
        (b"a,1\nb,2\n", b"a,1\nb,2.0\n", ("text/csv", "text/csv"), []),
        (b"a,1\n", b"a,2\n", ("text/csv", "text/csv"), ["number"]),
        (b'"a', b'"a', ("text/csv", "text/csv"), []),
        (b"1", b"1", ("text/csv", JSON), ["shape"]),
        (b"\x00", b"\x00", ("image/png", "image/png"), []),
        (b"\x00", b"\x01", ("image/png", "image/png"), ["body"]),
        (b"{", b"{", (JSON, JSON), []),
        (b"{", b"}", (JSON, JSON), ["body"]),
        (b"[" * 100_000, b"{}", (JSON, JSON), ["body"]),
        (b"\xff", b"1", (JSON, JSON), ["body"]),
    ],
)
def test_other_bodies(first: bytes, second: bytes, kinds: tuple[str, str], expected: list[str]) -> None:
    found = Comparison(Tolerance()).compare(first, second, kinds=kinds)
    assert [entry.kind for entry in found if entry.kind] == expected


def captured(event: str, *, inference: str | None = None, body: bytes | None = b"q", answer: bytes = b"1") -> Captured:
    request = None if body is None else Body(body, JSON)
    return Captured(event, inference, datetime(2026, 1, 1, tzinfo=UTC), request, Body(answer, JSON))


def matched(shadows: list[Captured], production: Captured, *, most: int = 100) -> tuple[bytes | None, dict[str, int]]:
    matcher = Matcher(most=most)
    for one in shadows:
        matcher.hold(one)
    found = matcher.match(production)
    return None if found is None else found.answer.data, dict(matcher.ways)


@pytest.mark.parametrize(
    ("shadows", "production", "expected"),
    [
        ([captured("s", inference="i", answer=b"2")], captured("p", inference="i"), (b"2", {"inference_id": 1})),
        # an id that is used again, for another request
        (
            [captured("s", inference="i", body=b"a", answer=b"2"), captured("t", inference="i", answer=b"3")],
            captured("p", inference="i"),
            (b"3", {"inference_id": 1}),
        ),
        ([captured("s", inference="j")], captured("p", inference="i"), (None, {})),
        ([captured("s")], captured("p", inference="i"), (None, {})),
        ([captured("s", body=b"a"), captured("p", body=b"x", answer=b"4")], captured("p"), (b"4", {"event_id": 1})),
        ([captured("s", answer=b"5")], captured("p"), (b"5", {"request": 1})),
        ([captured("s", body=None)], captured("p", body=None), (None, {})),
        (
            [captured("s", inference="i", body=None)],
            captured("p", inference="i", body=None),
            (b"1", {"inference_id": 1}),
        ),
    ],
)
def test_answers_of_one_request_find_each_other(
    shadows: list[Captured], production: Captured, expected: tuple[bytes | None, dict[str, int]]
) -> None:
    assert matched(shadows, production) == expected


def test_each_answer_is_used_once_and_memory_is_bounded() -> None:
    matcher = Matcher(most=2, most_bytes=100)
    for number in range(4):
        matcher.hold(captured(f"s{number}"))
    assert (matcher.held, matcher.left_out) == (2, 2)
    assert [matcher.match(captured(f"p{number}")) is None for number in range(3)] == [False, False, True]
    small = Matcher(most=10, most_bytes=5)
    small.hold(captured("s", answer=b"123456"))
    assert (small.held, small.left_out) == (0, 1)


def test_a_tally_counts_pairs_and_shows_no_values() -> None:
    tally, comparison = Tally(), Comparison(Tolerance(), frozenset({"model"}))
    for production, shadow in (
        ({"score": 1.0, "model": 1, "who": "jane"}, {"score": 1.0, "model": 2, "who": "jane"}),
        ({"score": 1.0, "who": "jane"}, {"score": 3.0, "who": "john"}),
    ):
        matcher = Matcher(most=1)
        matcher.hold(captured("s", answer=json.dumps(shadow).encode()))
        one = captured("p", answer=json.dumps(production).encode())
        found = matcher.match(one)
        assert found is not None
        tally.add(one, found, comparison)
    document = tally.document()
    assert (document["pairs"], document["agreed"], document["agreement"]) == (2, 1, 0.5)
    assert document["differences"] == [
        {"path": "score", "kind": "number", "pairs": 1},
        {"path": "who", "kind": "value", "pairs": 1},
    ]
    assert document["numbers"] == [
        {"path": "score", "count": 2, "mean": 1.0, "p50": 0.0, "p90": 2.0, "p99": 2.0, "max": 2.0}
    ]
    assert document["examples"] == [{"request": "p", "path": "score", "kind": "number", "away": 2.0}]
    assert "jane" not in json.dumps(document)


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=50))
def test_percentiles_are_values_that_were_seen(values: list[float]) -> None:
    found = distribution(values)
    assert min(values) <= found["p50"] <= found["p90"] <= found["p99"] <= found["max"] == max(values)
    assert {found["p50"], found["p99"]} <= set(values)
