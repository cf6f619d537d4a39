"""What a caller may do under one set of statements and not under another: exact, whatever way they are written.

Everything that statements can tell apart is a bit: actions, resources, contexts. Where the overlap of too many
conditions cannot be laid out, what may be more is called more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass

from glue.review.access.callers import Caller
from glue.review.access.clauses import Clause, Contexts
from glue.review.access.globs import TooManyError
from glue.review.access.near import near
from glue.review.access.space import Space
from glue.review.access.statements import EVERYTHING, Rule

Layers = tuple[tuple[Rule, ...], ...]  # each must allow: what is granted, and each boundary around it
Clauses = frozenset[Clause]


@dataclass(frozen=True, slots=True)
class Cell:
    """Actions and resources (bits) that are newly allowed, all in the same way.

    `ways`: the conditions under which they are allowed now, one set for each way; `until`: those before; `undenied`:
    the conditions of denials that are gone. `public`: strangers can meet the conditions.
    """

    actions: int
    resources: int
    ways: frozenset[Clauses]
    until: frozenset[Clauses]
    undenied: frozenset[Clauses]
    public: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A statement as one caller meets it in one space."""

    layer: int
    allows: bool
    actions: int
    resources: int
    clauses: Clauses


class Comparison:
    """Two sets of statements, and the space that both need. Raises TooManyError."""

    def __init__(self, before: Layers, after: Layers) -> None:
        count = max(len(before), len(after), 1)
        self.before, self.after = near(_padded(before, count), _padded(after, count))
        self.space = Space((*self.before, *self.after))
        self._count = count
        self._masks: dict[Rule, tuple[int, int]] = {}
        self._first = self.before
        self._known_parts: dict[tuple[bool, Caller], frozenset[_Part]] = {}
        self._known_contexts: dict[tuple[Clauses, Caller], Contexts] = {}

    def rules(self) -> Iterator[Rule]:
        """Yield all statements of both sides."""
        for side in (self.before, self.after):
            for layer in side:
                yield from layer

    def gained(self, caller: Caller) -> list[Cell]:
        """Return what the caller may do after and not before."""
        return self._more(self.before, self.after, caller)

    def turned(self) -> Comparison:
        """Return the same the other way round: what it calls gained is what is lost."""
        other = copy(self)
        other.before, other.after = self.after, self.before
        return other

    def held(self, caller: Caller, actions: int) -> int:
        """Return the resources on which some of these actions were allowed before, in whatever context."""
        parts = self._parts(self.before, caller)
        found = self.space.all_resources
        for number in range(self._count):
            near = (part for part in parts if part.layer == number and part.allows and part.actions & actions)
            found &= _union(part.resources for part in near)
        for part in parts:
            if not (part.allows or part.clauses or actions & ~part.actions):
                found &= ~part.resources
        return found

    def _more(self, old: Layers, new: Layers, caller: Caller) -> list[Cell]:
        before, after = self._parts(old, caller), self._parts(new, caller)
        seeds = [part for part in after - before if part.allows] + [part for part in before - after if not part.allows]
        if not seeds:
            return []
        cells = []
        every = before | after
        for actions in _blocks({part.actions for part in every}, _union(part.actions for part in seeds)):
            touched = [part for part in seeds if part.actions & actions]
            near = [part for part in every if part.actions & actions]
            for resources in _blocks({part.resources for part in near}, _union(part.resources for part in touched)):
                here = frozenset(part for part in near if part.resources & resources)
                cell = self._cell(actions, resources, here & before, here & after, caller)
                if cell:
                    cells.append(cell)
        return cells

    def _parts(self, side: Layers, caller: Caller) -> frozenset[_Part]:
        known = (side is self._first, caller)
        if known not in self._known_parts:
            self._known_parts[known] = frozenset(
                _Part(number, rule.allows, *self._mask(rule), rule.clauses)
                for number, layer in enumerate(side)
                for rule in layer
                if caller.concerned(rule)
            )
        return self._known_parts[known]

    def _contexts(self, parts: Iterable[_Part], caller: Caller) -> Contexts:
        clauses = frozenset(clause for part in parts for clause in part.clauses)
        if (clauses, caller) not in self._known_contexts:
            self._known_contexts[clauses, caller] = Contexts(clauses, caller.known)
        return self._known_contexts[clauses, caller]

    def _mask(self, rule: Rule) -> tuple[int, int]:
        if rule not in self._masks:
            self._masks[rule] = (self.space.actions_of(rule), self.space.resources_of(rule))
        return self._masks[rule]

    def _cell(
        self, actions: int, resources: int, before: frozenset[_Part], after: frozenset[_Part], caller: Caller
    ) -> Cell | None:
        """Return the cell when something is allowed in it after and not before."""
        if {(one.layer, one.allows, one.clauses) for one in before} == {
            (one.layer, one.allows, one.clauses) for one in after
        }:
            return None
        if any(not any(one.allows and one.layer == number for one in after) for number in range(self._count)):
            return None
        allowing = [one for one in after if one.allows]
        gone = [one.clauses for one in before if not one.allows and one not in after]
        until = [one.clauses for one in before if one.allows]
        if not before and caller.kind == "self" and len(allowing) == len(after):
            nothing = frozenset[Clauses]()
            return Cell(actions, resources, _fewest(one.clauses for one in allowing), nothing, nothing, public=False)
        try:
            contexts = self._contexts(before | after, caller)
        except TooManyError:
            ways = [one.clauses for one in allowing]
            public = caller.anybody and any(_open(way, caller) for way in ways)
            return Cell(actions, resources, _fewest(ways), _fewest(until), _fewest(gone), public)
        more = self._allowed(after, contexts) & ~self._allowed(before, contexts)
        if not more:
            return None
        ways = [one.clauses for one in allowing if contexts.met(one.clauses) & more]
        undenied = [clauses for clauses in gone if contexts.met(clauses) & more]
        public = caller.anybody and bool(more & contexts.outside)
        return Cell(actions, resources, _fewest(ways), _fewest(until), _fewest(undenied), public)

    def _allowed(self, parts: frozenset[_Part], contexts: Contexts) -> int:
        allowed = contexts.all
        for number in range(self._count):
            mask = 0
            for part in parts:
                if part.layer == number and part.allows:
                    mask |= contexts.met(part.clauses)
            allowed &= mask
        for part in parts:
            if not part.allows:
                allowed &= ~contexts.met(part.clauses)
        return allowed


def _open(clauses: Clauses, caller: Caller) -> bool:
    """Tell whether a stranger can meet these conditions; when that cannot be laid out either, yes."""
    try:
        contexts = Contexts(clauses, caller.known)
    except TooManyError:
        return True
    return bool(contexts.met(clauses) & contexts.outside)


def _padded(layers: Layers, count: int) -> Layers:
    """Return as many layers as the other side has: a boundary that is not there allows everything."""
    return layers + ((EVERYTHING,),) * (count - len(layers))


def _union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _blocks(masks: Iterable[int], whole: int) -> list[int]:
    """Return the parts of a set that are either inside or outside of each mask."""
    blocks = [whole]
    for mask in sorted(masks):
        blocks = [part for block in blocks for part in (block & mask, block & ~mask) if part]
    return blocks


def _fewest(ways: Iterable[Clauses]) -> frozenset[Clauses]:
    """Return the conditions without those that only repeat others and add to them."""
    several = set(ways)
    return frozenset(way for way in several if not any(other < way for other in several))
