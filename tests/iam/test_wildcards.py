"""Patterns: the fast matchers agree with a slow and obvious one, and nobody can make them slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.iam.wildcards import Tokens, Wild, matcher, split_segments, tokens_of, within_segments


def obviously(tokens: Tokens, text: str) -> bool:
    """Match one letter at a time, trying everything."""
    if not tokens:
        return not text
    head, rest = tokens[0], tokens[1:]
    if isinstance(head, str):
        return text.startswith(head) and obviously(rest, text[len(head) :])
    colons = head in (Wild.STAR, Wild.ONE)
    if head in (Wild.ONE, Wild.SEGMENT_ONE):
        return bool(text) and (colons or text[0] != ":") and obviously(rest, text[1:])
    ends = range(len(text) + 1)
    return any((colons or ":" not in text[:end]) and obviously(rest, text[end:]) for end in ends)


patterns = st.text("ab:*?", max_size=8)
texts = st.text("ab:", max_size=8)


@given(patterns, texts)
def test_patterns_match_what_they_obviously_match(pattern: str, text: str) -> None:
    tokens = tokens_of(pattern)
    assert bool(matcher(tokens)(text)) is obviously(tokens, text)


@given(st.lists(st.sampled_from([*Wild, "a", "b", ":", "ab"]), max_size=7).map(tuple), texts)
def test_wildcards_that_stay_in_a_segment_do(tokens: Tokens, text: str) -> None:
    assert bool(matcher(tokens)(text)) is obviously(tokens, text)


@given(st.lists(texts, min_size=6, max_size=8).map(":".join))
def test_an_arn_matches_itself_and_its_segments_come_back(arn: str) -> None:
    tokens = within_segments(tokens_of(arn))
    assert matcher(tokens)(arn)
    segments = ["".join(str(token) for token in segment) for segment in split_segments(tokens_of(arn))]
    assert segments == arn.split(":", 5)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 2000 + "b",
        "*" * 5000 + "b",
        "?*" * 2000 + "b",
        "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "*a?a" * 1000 + "b",
        "*" + "?a" * 900 + "b*",
    ],
)
@pytest.mark.parametrize("segmented", [False, True])
def test_no_pattern_takes_long(pattern: str, segmented: bool) -> None:
    text = "a" * 2048
    tokens = within_segments(tokens_of(pattern)) if segmented else tokens_of(pattern)
    start = time.process_time()
    assert not matcher(tokens)(text)
    assert time.process_time() - start < 2
