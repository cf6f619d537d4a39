"""Patterns with `*` and `?`, matched in linear time or nearly so, whatever the pattern.

A pattern is a tuple of tokens, because a policy can also write a literal `*` as `${*}`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from functools import lru_cache


class Wild(enum.Enum):
    """A token that stands for something else than itself."""

    STAR = "*"
    ONE = "?"
    SEGMENT_STAR = "*:"  # like STAR, but never across a colon
    SEGMENT_ONE = "?:"


Token = str | Wild
Tokens = tuple[Token, ...]
Matcher = Callable[[str], object]
_STARS = (Wild.STAR, Wild.SEGMENT_STAR)


def tokens_of(pattern: str) -> Tokens:
    """Return the tokens of a pattern in which every `*` and `?` is a wildcard."""
    parts = re.split(r"([*?])", pattern)
    return tuple(Wild(part) if part in ("*", "?") else part for part in parts if part)


@lru_cache(maxsize=8192)
def matcher(tokens: Tokens) -> Matcher:
    """Return a test for whole strings; its result is truthy on a match.

    Each part between two stars is taken at its first place and never tried again (an atomic group), which is enough as
    long as every star may cross everything. Where a star may not cross a colon, sets of states are followed instead.
    """
    if Wild.SEGMENT_STAR in tokens:
        return _automaton(tokens)
    if all(isinstance(token, str) or token is Wild.STAR for token in tokens):
        return _finder(tokens)
    pieces = [""]
    for token in tokens:
        if token is Wild.STAR:
            pieces.append("")
        else:
            pieces[-1] += _piece(token)
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL).fullmatch
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1] if piece)
    return re.compile(f"{pieces[0]}{middle}.*{pieces[-1]}", re.DOTALL).fullmatch


def _finder(tokens: Tokens) -> Matcher:
    """Return the test of a pattern whose only wildcards are stars: compiling one costs more than asking it."""
    parts = [""]
    for token in tokens:
        if token is Wild.STAR:
            parts.append("")
        else:
            parts[-1] += str(token)
    start, *middle = parts
    if not middle:
        return start.__eq__
    end = middle.pop()
    least = len(start) + len(end)

    def match(text: str) -> bool:
        if len(text) < least or not text.startswith(start) or not text.endswith(end):
            return False
        place, last = len(start), len(text) - len(end)
        for part in middle:
            place = text.find(part, place, last)
            if place < 0:
                return False
            place += len(part)
        return True

    return match


def _piece(token: Token) -> str:
    if isinstance(token, str):
        return re.escape(token)
    return "." if token is Wild.ONE else "[^:]"


def _automaton(tokens: Tokens) -> Matcher:
    steps: list[Token] = []
    loops = {Wild.STAR: 0, Wild.SEGMENT_STAR: 0}
    for token in tokens:
        if isinstance(token, str):
            steps.extend(token)
        elif token in _STARS:
            loops[token] |= 1 << len(steps)
        else:
            steps.append(token)
    inside = sum(1 << i for i, step in enumerate(steps) if isinstance(step, Wild))
    across = sum(1 << i for i, step in enumerate(steps) if step is Wild.ONE)
    letters: dict[str, int] = {}
    for i, step in enumerate(steps):
        if isinstance(step, str):
            letters[step] = letters.get(step, 0) | 1 << i
    accept, always, within = 1 << len(steps), loops[Wild.STAR], loops[Wild.STAR] | loops[Wild.SEGMENT_STAR]

    def match(text: str) -> bool:
        states = 1
        for letter in text:
            moves, stays = (across, always) if letter == ":" else (inside, within)
            states = ((states & (letters.get(letter, 0) | moves)) << 1) | (states & stays)
            if not states:
                return False
        return bool(states & accept)

    return match


def split_segments(tokens: Iterable[Token], limit: int = 5) -> list[Tokens]:
    """Return the tokens between colons, after at most `limit` colons; the rest stays together."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if isinstance(token, Wild):
            segments[-1].append(token)
            continue
        parts = token.split(":", limit + 1 - len(segments))
        segments[-1].append(parts[0])
        segments.extend([part] for part in parts[1:])
    return [tuple(token for token in segment if token != "") for segment in segments]


def within_segments(tokens: Tokens) -> Tokens:
    """Return a resource pattern's tokens, with the wildcards that may not cross a colon marked.

    In the first five segments of an ARN a wildcard stays inside its segment, unless it is a `*` that ends the segment:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    segments = split_segments(tokens)
    marked: list[Token] = []
    for number, segment in enumerate(segments):
        inner = segment if number == 5 else tuple(_inside(segment))
        marked.extend(inner if number == 0 else (":", *inner))
    return tuple(marked)


@lru_cache(maxsize=8192)
def resource_matcher(tokens: Tokens) -> Matcher:
    """Return a test for whole ARNs, by the rules of the Resource element."""
    return matcher(within_segments(tokens))


def _inside(segment: Tokens) -> Iterable[Token]:
    last = len(segment) - 1
    for place, token in enumerate(segment):
        if token is Wild.STAR and place != last:
            yield Wild.SEGMENT_STAR
        else:
            yield Wild.SEGMENT_ONE if token is Wild.ONE else token
