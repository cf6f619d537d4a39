"""What a comparison found, as patterns again: the widest ones, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from glue.review.access.callers import Caller
from glue.review.access.compare import Cell, Clauses, Comparison
from glue.review.access.globs import STAR, Atom, covers, is_wild, shown


@dataclass(frozen=True)
class Told:
    """Actions on resources that one caller gained or lost, all under the same conditions."""

    caller: Caller
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    ways: frozenset[Clauses]
    until: frozenset[Clauses]
    undenied: frozenset[Clauses]
    public: bool
    but_actions: tuple[str, ...] = ()
    but_resources: tuple[str, ...] = ()


def told(comparison: Comparison, caller: Caller, cells: Iterable[Cell], spelling: Mapping[str, str]) -> list[Told]:
    """Return the cells as few groups of actions on resources, in a fixed order, whatever way policies are written."""
    buckets: dict[tuple[frozenset[Clauses], frozenset[Clauses], frozenset[Clauses], bool], dict[int, int]] = {}
    for cell in cells:
        bucket = buckets.setdefault((cell.ways, cell.until, cell.undenied, cell.public), {})
        for at in _bits(cell.actions):
            bucket[at] = bucket.get(at, 0) | cell.resources
    found = []
    everywhere = _everywhere(buckets.values())
    for (ways, until, undenied, public), bucket in buckets.items():
        groups: dict[int, int] = {}
        for at, resources in _swallowed(comparison.space.actions, bucket).items():
            groups[resources] = groups.get(resources, 0) | 1 << at
        for resources, actions in groups.items():
            known = _Known(comparison, caller, actions, resources, everywhere)
            labels, but_actions = _actions(known, spelling)
            places, but_resources = _resources(known)
            found.append(Told(caller, labels, places, ways, until, undenied, public, but_actions, but_resources))
    return sorted(found, key=_order)


def _order(one: Told) -> tuple[object, ...]:
    ways = (one.ways, one.until, one.undenied)
    return (
        one.resources,
        one.actions,
        *(sorted(sorted(map(str, way)) for way in several) for several in ways),
        one.public,
    )


def _bits(mask: int) -> Iterable[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _everywhere(buckets: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return all resources on which each action is told, under whatever conditions."""
    found: dict[int, int] = {}
    for bucket in buckets:
        for at, resources in bucket.items():
            found[at] = found.get(at, 0) | resources
    return found


def _swallowed(actions: tuple[Atom, ...], bucket: Mapping[int, int]) -> dict[int, int]:
    """Return the resources of each action without those where a wider pattern of actions says the same."""
    wide = [at for at in bucket if is_wild(actions[at].glob)]
    found = {}
    for at, resources in bucket.items():
        for other in wide:
            if actions[other].glob != actions[at].glob and covers(actions[other].glob, actions[at].glob):
                resources &= ~bucket[other]  # noqa: PLW2901 - what is left after each wider pattern
        if resources:
            found[at] = resources
    return found


def _widest(globs: set[str], *, arn: bool) -> list[str]:
    wide = [glob for glob in globs if is_wild(glob)]
    return sorted(glob for glob in globs if not any(other != glob and covers(other, glob, arn=arn) for other in wide))


@dataclass(frozen=True)
class _Known:
    """A group of bits, and the comparison that they are of."""

    comparison: Comparison
    caller: Caller
    actions: int
    resources: int
    everywhere: Mapping[int, int]

    def held(self, actions: int) -> int:
        """Return where some of these actions were possible before."""
        return self.comparison.held(self.caller, actions)


def _actions(group: _Known, spelling: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the patterns of actions, and those inside of them that stay forbidden."""
    atoms = group.comparison.space.actions
    labels = _widest({atoms[at].glob for at in _bits(group.actions)}, arn=False)
    wide = [label for label in labels if is_wild(label)]
    inside = {
        atom.glob
        for at, atom in enumerate(atoms if wide else ())
        if not group.everywhere.get(at, 0) & group.resources
        and any(label != atom.glob and covers(label, atom.glob) for label in wide)
        and not group.held(1 << at) & group.resources
    }
    but = _widest(inside, arn=False)
    return tuple(_spelled(one, spelling) for one in labels), tuple(_spelled(one, spelling) for one in but)


def _resources(group: _Known) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the patterns of resources, and those inside of them that stay forbidden."""
    atoms = group.comparison.space.resources
    kept = {atoms[at].glob for at in _bits(group.resources)}
    labels = _widest(kept, arn=True)
    wide = [label for label in labels if is_wild(label)]
    held = group.held(group.actions) if wide else 0
    for at in _bits(group.actions):
        held |= group.everywhere.get(at, 0)
    inside = {
        atom.glob
        for at, atom in enumerate(atoms if wide else ())
        if not (group.resources | held) >> at & 1
        and atom.glob not in kept
        and any(covers(label, atom.glob, arn=True) for label in wide)
    }
    return tuple(map(shown, labels)), tuple(map(shown, _widest(inside, arn=True)))


def _spelled(glob: str, spelling: Mapping[str, str]) -> str:
    text = shown(glob)
    return "*" if glob == STAR else spelling.get(text, text)
