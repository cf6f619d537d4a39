"""Patterns with wildcards, compared as sets of strings.

A pattern is compared by a witness: every `*` becomes letters that no policy contains. A pattern covers another one
exactly when it matches the other's witness, because such letters can only be matched by a star.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from glue.iam.wildcards import Tokens, Wild, matcher, resource_matcher

STAR, ONE, FRESH, SINGLE, VALUE = "\U0010fff0", "\U0010fff1", "\U0010fff2", "\U0010fff3", "\U0010fff4"
RESERVED = frozenset({STAR, ONE, FRESH, SINGLE, VALUE})
_LONGEST = 360  # of two patterns together, to intersect them letter by letter
_MOST_MEETS = 32
_MOST_ATOMS = 600  # patterns and their intersections
_MOST_NAMES = 4000  # and names without wildcards, which cost little
_WILD = {Wild.STAR: STAR, Wild.SEGMENT_STAR: STAR, Wild.ONE: ONE, Wild.SEGMENT_ONE: ONE}
Fit = Callable[[str], object]


class TooManyError(Exception):
    """The patterns overlap in too many ways to be compared exactly."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One string that stands for all that the same patterns match, and the pattern that it came from."""

    text: str
    glob: str


def glob_of(tokens: Tokens) -> str:
    """Return tokens as one string in which wildcards are letters that no policy contains."""
    return "".join(token if isinstance(token, str) else _WILD[token] for token in tokens)


def tokens_in(glob: str) -> Tokens:
    """Return the tokens of such a string."""
    found: list[str | Wild] = []
    text = ""
    for letter in glob:
        if letter in (STAR, ONE):
            found += [text] if text else []
            found.append(Wild.STAR if letter == STAR else Wild.ONE)
            text = ""
        else:
            text += letter
    return (*found, text) if text else tuple(found)


@lru_cache(maxsize=16384)
def fit_of(glob: str, *, arn: bool = False) -> Fit:
    """Return IAM's own test of a pattern, of actions and values or of resources."""
    return resource_matcher(tokens_in(glob)) if arn else matcher(tokens_in(glob))


def is_wild(glob: str) -> bool:
    """Tell whether a pattern has a wildcard."""
    return STAR in glob or ONE in glob


def shown(glob: str) -> str:
    """Return a pattern as policies write it."""
    return glob.replace(STAR, "*").replace(ONE, "?")


@lru_cache(maxsize=65536)
def covers(wide: str, narrow: str, *, arn: bool = False) -> bool:
    """Tell whether a pattern matches everything that another one does."""
    if wide in (narrow, STAR):
        return True
    if not is_wild(wide):
        return False
    longest = 1 + wide.count(ONE) + narrow.count(ONE)
    return all(fit_of(wide, arn=arn)(text) for text in witnesses(narrow, longest, short=ONE in wide, arn=arn))


def witnesses(glob: str, longest: int, *, short: bool = False, arn: bool = False) -> Iterator[str]:
    """Yield the strings that stand for a pattern; with `short` also those whose stars match nothing or one letter."""
    if not is_wild(glob):
        yield glob
        return
    once = glob.replace(ONE, SINGLE)
    fills = (FRESH * longest, "", FRESH) if short else (FRESH * longest,)
    for fill in fills:
        yield _filled(once, fill, arn=arn)
    if short and once.count(STAR) > 1:
        for at in [place for place, letter in enumerate(once) if letter == STAR]:
            for fill in ("", FRESH):
                yield _filled(once[:at] + fill + once[at + 1 :], FRESH * longest, arn=arn)


def _filled(glob: str, fill: str, *, arn: bool) -> str:
    """Return the pattern with its stars filled; in an ARN the last star also stands for the parts that are missing."""
    missing = 5 - glob.count(":") if arn else 0
    if missing > 0 and STAR in glob:
        head, _, tail = glob.rpartition(STAR)
        glob = f"{head}{fill}{(':' + (fill or FRESH)) * missing}{tail}"
    return glob.replace(STAR, fill)


def atoms_of(families: Iterable[Iterable[str]], *, arn: bool = False) -> tuple[Atom, ...]:
    """Return strings enough that two sets built from these patterns differ on one of them, if they differ at all.

    They are the patterns, their intersections, and one string outside of all. Two patterns of one family need not be
    intersected: what differs lies in at most one of each, and outside of others. Raises TooManyError.
    """
    several = {frozenset(family) for family in families}
    known = {glob for family in several for glob in family}
    wild = _met(sorted(several, key=sorted)) | {STAR}
    longest = 1 + max(glob.count(ONE) for glob in wild)
    found: dict[str, str] = {glob: glob for glob in known if not is_wild(glob)}
    for glob in sorted(wild, key=lambda glob: (len(glob), glob)):
        for text in witnesses(glob, longest, short=longest > 1, arn=arn):
            found.setdefault(text, glob)
    if len(found) > _MOST_NAMES:
        raise TooManyError
    return tuple(Atom(text, glob) for text, glob in sorted(found.items()))


def _met(families: list[frozenset[str]]) -> set[str]:
    """Return the patterns, and the intersections of at most one of each family."""
    known: dict[str, str] = {}
    for family in families:
        wild = {glob: _start(glob) for glob in family if is_wild(glob)}
        if len(wild) > _MOST_ATOMS:
            raise TooManyError
        found = dict(wild)
        for glob, start in wild.items():
            for other, other_start in known.items():
                if start.startswith(other_start) or other_start.startswith(start):
                    found |= {one: _start(one) for one in meets(glob, other)}
        known |= found
        if len(known) > _MOST_ATOMS:
            raise TooManyError
    return set(known)


def _start(glob: str) -> str:
    for place, letter in enumerate(glob):
        if letter in (STAR, ONE):
            return glob[:place]
    return glob


@lru_cache(maxsize=16384)
def meets(one: str, other: str) -> tuple[str, ...]:
    """Return the patterns that together match what both patterns match. Raises TooManyError."""
    if covers(one, other):
        return (other,)
    if covers(other, one):
        return (one,)
    if not _ends_fit(one, other):
        return ()
    if len(one) + len(other) > _LONGEST:
        raise TooManyError
    return tuple(sorted(_fewest(_Meeting(one, other).at(0, 0))))


def _ends_fit(one: str, other: str) -> bool:
    ends = [glob[max(glob.rfind(STAR), glob.rfind(ONE)) + 1 :] for glob in (one, other)]
    return ends[0].endswith(ends[1]) or ends[1].endswith(ends[0])


def _fewest(globs: Iterable[str]) -> set[str]:
    several = set(globs)
    return {glob for glob in several if not any(wide != glob and covers(wide, glob) for wide in several)}


class _Meeting:
    """Two patterns read side by side; each place is solved once."""

    def __init__(self, one: str, other: str) -> None:
        self.one, self.other = one, other
        self.known: dict[tuple[int, int], frozenset[str]] = {}

    def at(self, i: int, j: int) -> frozenset[str]:
        """Return the intersections of what is left from these places on."""
        if (i, j) not in self.known:
            found = frozenset(self._solve(i, j))
            if len(found) > _MOST_MEETS:
                raise TooManyError
            self.known[i, j] = found
        return self.known[i, j]

    def _solve(self, i: int, j: int) -> Iterator[str]:
        i, j, same = self._along(i, j)
        if same:
            yield from (same + rest for rest in self.at(i, j))
            return
        one, other = self.one[i : i + 1], self.other[j : j + 1]
        if not one and not other:
            yield ""
        elif one == STAR and other == STAR:
            yield from (_starred(rest) for rest in self.at(i + 1, j) | self.at(i, j + 1))
        elif STAR in (one, other):
            yield from self._one_star(i, j, of_one=one == STAR)
        elif one and other and (one == other or ONE in (one, other)):
            letter = other if one == ONE else one
            yield from (letter + rest for rest in self.at(i + 1, j + 1))

    def _along(self, i: int, j: int) -> tuple[int, int, str]:
        """Return the places after the letters that both patterns have here, and these letters."""
        start = i
        while self.one[i : i + 1] == self.other[j : j + 1] not in ("", STAR, ONE):
            i, j = i + 1, j + 1
        return i, j, self.one[start:i]

    def _one_star(self, i: int, j: int, *, of_one: bool) -> Iterator[str]:
        """Yield the ways in which one star ends here, or takes the other pattern's next letter."""
        letter = self.other[j : j + 1] if of_one else self.one[i : i + 1]
        yield from self.at(i + 1, j) if of_one else self.at(i, j + 1)
        if letter:
            yield from (letter + rest for rest in (self.at(i, j + 1) if of_one else self.at(i + 1, j)))


def _starred(rest: str) -> str:
    return rest if rest.startswith(STAR) else STAR + rest
