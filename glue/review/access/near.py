"""Leaves out of two sets of statements what cannot matter for their difference, before they are laid out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from glue.review.access.globs import ONE, STAR
from glue.review.access.statements import Pattern, Rule

_MOST_SEEDS, _MOST_PATTERNS = 500, 2000  # more of them leave little out, and asking each of each costs too much
Layers = tuple[tuple[Rule, ...], ...]


def near(before: Layers, after: Layers) -> tuple[Layers, Layers]:
    """Return the statements that overlap one that only one side has, each with the patterns that do.

    Something is newly allowed, or no longer, only where such a statement applies; outside of these nothing differs.
    """
    seeds = [rule for old, new in zip(before, after, strict=True) for rule in {*old} ^ {*new}]
    if not seeds:
        return tuple(() for _ in before), tuple(() for _ in after)
    if len(seeds) > _MOST_SEEDS or sum(_size(rule) for rule in seeds) > _MOST_PATTERNS:
        return before, after
    actions = _patterns(seeds, lambda rule: None if rule.not_action else rule.actions)
    resources = _patterns(
        seeds, lambda rule: None if rule.not_resource or rule.resources is None else _globs(rule.resources)
    )
    return _kept(before, actions, resources), _kept(after, actions, resources)


def _size(rule: Rule) -> int:
    return len(rule.actions) + len(rule.resources or ())


def _patterns(seeds: Iterable[Rule], of: object) -> frozenset[str] | None:
    """Return all patterns of the seeds, None when some seed is about everything but some."""
    found: set[str] = set()
    for seed in seeds:
        patterns = of(seed)  # type: ignore[operator]
        if patterns is None or STAR in patterns:
            return None
        found |= patterns
    return frozenset(found)


def _globs(patterns: Iterable[Pattern]) -> frozenset[str]:
    return frozenset(pattern.glob for pattern in patterns)


def _kept(layers: Layers, actions: frozenset[str] | None, resources: frozenset[str] | None) -> Layers:
    return tuple(tuple(kept for rule in layer if (kept := _reduced(rule, actions, resources))) for layer in layers)


def _reduced(rule: Rule, actions: frozenset[str] | None, resources: frozenset[str] | None) -> Rule | None:
    """Return the rule with the patterns that meet the seeds', None when it meets none."""
    if actions is not None:
        met = frozenset(glob for glob in rule.actions if _meets(glob, actions))
        if not met and not rule.not_action:
            return None
        rule = rule if len(met) == len(rule.actions) else replace(rule, actions=met)
    if resources is not None and rule.resources is not None:
        places = frozenset(pattern for pattern in rule.resources if _meets(pattern.glob, resources))
        if not places and not rule.not_resource:
            return None
        rule = rule if len(places) == len(rule.resources) else replace(rule, resources=places)
    return rule


def _meets(glob: str, others: frozenset[str]) -> bool:
    return glob in others or any(_may_meet(glob, other) for other in others)


@lru_cache(maxsize=65536)
def _may_meet(one: str, other: str) -> bool:
    """Tell whether two patterns may match a common string; their literal beginnings and ends say when they cannot."""
    start, further = _start(one), _start(other)
    if not (start.startswith(further) or further.startswith(start)):
        return False
    if start == one and further == other:
        return one == other
    end, ending = _end(one), _end(other)
    return end.endswith(ending) or ending.endswith(end)


@lru_cache(maxsize=16384)
def _start(glob: str) -> str:
    places = [place for place in (glob.find(STAR), glob.find(ONE)) if place >= 0]
    return glob[: min(places)] if places else glob


@lru_cache(maxsize=16384)
def _end(glob: str) -> str:
    return glob[max(glob.rfind(STAR), glob.rfind(ONE)) + 1 :]
