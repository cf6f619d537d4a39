"""Sticky keys: the same key gets the same variant, weights decide how many keys each has, and few keys move."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.invoker_support import load

assignment = load("invoker_assignment")
SALT = "slipway-qa-ranker"
KEYS = [f"customer-{number}" for number in range(4_000)]
NAMES = st.from_regex(r"[a-z]{1,8}(-[a-z]{1,4})?", fullmatch=True)
WEIGHTS = st.dictionaries(NAMES, st.integers(1, 1_000), min_size=2, max_size=10)


def spread(weights: Mapping[str, int], keys: list[str] = KEYS) -> dict[str, str]:
    return {key: assignment.assign(key, among=weights, salt=SALT) for key in keys}


def share(weights: Mapping[str, int], name: str) -> float:
    return weights[name] / sum(weights.values())


@settings(max_examples=30, deadline=None)
@given(WEIGHTS, st.text(min_size=1, max_size=40))
def test_a_key_stays_whatever_the_order_and_the_scale_of_weights(weights: dict[str, int], key: str) -> None:
    key = key.encode("utf-8", "ignore").decode() or "x"
    first = assignment.assign(key, among=weights, salt=SALT)
    assert first in weights
    shuffled = dict(reversed(weights.items()))
    assert assignment.assign(key, among=shuffled, salt=SALT) == first
    scaled = {name: weight * 7 for name, weight in weights.items()}
    assert assignment.assign(key, among=scaled, salt=SALT) == first


@settings(max_examples=15, deadline=None)
@given(WEIGHTS)
def test_each_variant_has_its_share_of_the_keys(weights: dict[str, int]) -> None:
    found = Counter(spread(weights).values())
    for name in weights:
        expected = share(weights, name)
        spare = 5 * math.sqrt(expected * (1 - expected) / len(KEYS)) + 1 / len(KEYS)
        assert abs(found[name] / len(KEYS) - expected) < spare, name


@settings(max_examples=15, deadline=None)
@given(WEIGHTS, st.data())
def test_a_key_moves_only_to_a_variant_that_gained_more_than_its_own(
    before: dict[str, int], data: st.DataObject
) -> None:
    after = {name: data.draw(st.integers(1, 1_000)) for name in before}
    old, new = spread(before, KEYS[:500]), spread(after, KEYS[:500])
    for key in KEYS[:500]:
        left, joined = old[key], new[key]
        if left != joined:
            assert after[joined] / before[joined] > after[left] / before[left]


@pytest.mark.parametrize(("before", "after"), [((90, 10), (50, 50)), ((50, 50), (99, 1)), ((1, 9), (1, 3))])
def test_between_two_variants_no_key_moves_without_need(before: tuple[int, int], after: tuple[int, int]) -> None:
    old, new = ({"main": m, "challenger": c} for m, c in (before, after))
    was, now = spread(old), spread(new)
    moved = {(was[key], now[key]) for key in KEYS if was[key] != now[key]}
    assert len(moved) == 1
    needed = abs(share(new, "main") - share(old, "main"))
    assert sum(was[key] != now[key] for key in KEYS) / len(KEYS) == pytest.approx(needed, abs=0.03)


def test_what_leaves_spreads_over_the_others_and_moves_nobody_else() -> None:
    weights = {"main": 60, "one": 30, "two": 10}
    was, now = spread(weights), spread({"main": 60, "two": 10})
    assert all(now[key] == was[key] for key in KEYS if was[key] != "one")
    assert {now[key] for key in KEYS if was[key] == "one"} == {"main", "two"}


def test_among_many_variants_little_more_than_the_least_moves() -> None:
    shifts = list(itertools.pairwise([(60, 20, 20), (40, 40, 20), (10, 80, 10), (34, 33, 33), (5, 90, 5)]))
    for before, after in shifts:
        names = ("a", "b", "c")
        old, new = dict(zip(names, before, strict=True)), dict(zip(names, after, strict=True))
        least = sum(max(share(new, name) - share(old, name), 0) for name in names)
        was, now = spread(old), spread(new)
        moved = sum(was[key] != now[key] for key in KEYS) / len(KEYS)
        assert least - 0.03 < moved < 1.35 * least + 0.03, (before, after)


def test_two_endpoints_choose_different_callers() -> None:
    weights = {"main": 50, "challenger": 50}
    chosen = [
        {key for key in KEYS if assignment.assign(key, among=weights, salt=salt) == "challenger"} for salt in ("a", "b")
    ]
    assert len(chosen[0] & chosen[1]) / len(KEYS) == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("weights", [{}, {"main": 3}])
def test_without_a_choice_there_is_no_assignment(weights: dict[str, int]) -> None:
    assert assignment.assign("x", among=weights, salt=SALT) is None


def test_a_weight_of_0_gets_nobody() -> None:
    among = assignment.weights_of('{"main": 1, "challenger": 0, "third": 1}')
    assert set(spread(among).values()) == {"main", "third"}


def test_a_trace_says_nothing_of_the_key() -> None:
    trace = assignment.trace_of("jane@example.com", salt=SALT)
    assert (len(trace), trace) == (8, assignment.trace_of("jane@example.com", salt=SALT))
    assert trace != assignment.trace_of("jane@example.com", salt="slipway-qa-other")
