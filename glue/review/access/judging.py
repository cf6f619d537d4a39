"""Compares the policies of one resource, or of one identity, before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from glue.iam.model import PolicyKind
from glue.review.access.callers import Caller, callers_of
from glue.review.access.compare import Cell, Comparison, Layers
from glue.review.access.rights import Told, told
from glue.review.access.statements import EVERYTHING, Document, Rule


@dataclass(frozen=True)
class Change:
    """What callers gained and lost; `undenied` and `denied`: what depends on the callers' own policies."""

    gained: tuple[Told, ...] = ()
    lost: tuple[Told, ...] = ()
    undenied: tuple[Told, ...] = ()
    denied: tuple[Told, ...] = ()


def spelling_of(*documents: Document | None) -> dict[str, str]:
    """Return how the documents write actions and condition keys, by their lower case."""
    found: dict[str, str] = {}
    for document in documents:
        for low, name in (document.spelling if document else {}).items():
            known = found.setdefault(low, name)
            if known != name:
                found[low] = max(known, name, key=lambda one: (sum(map(str.isupper, one)), one))
    return found


def of_identity(before: Layers, after: Layers, caller: Caller, spelling: Mapping[str, str]) -> Change:
    """Return what one identity gained and lost. Raises TooManyError."""
    comparison = Comparison(before, after)
    turned = comparison.turned()
    gained = told(comparison, caller, comparison.gained(caller), spelling)
    lost = told(turned, caller, turned.gained(caller), spelling)
    return Change(tuple(gained), tuple(lost))


def of_resource(
    before: tuple[Rule, ...],
    after: tuple[Rule, ...],
    *,
    kind: PolicyKind | str,
    own: str | None,
    spelling: Mapping[str, str],
) -> Change:
    """Return what everybody gained and lost by the policy of a resource. Raises TooManyError.

    A policy of a resource also denies what the callers' own policies allow, unless it is a key's or a role's: there
    nothing is allowed that the policy does not allow.
    """
    comparison = Comparison((before,), (after,))
    callers = callers_of((*before, *after), own)
    gained = _by_caller(comparison, callers, own, spelling)
    lost = _by_caller(comparison.turned(), callers, own, spelling)
    if kind != "default":
        return Change(gained, lost)
    denials = Comparison((_denials(before),), (_denials(after),))
    insiders = [
        one for one in callers_of((*before, *after), own) if one.kind not in ("anonymous", "service", "provider")
    ]
    insiders = [one for one in insiders if not one.direct and (one.kind != "stranger" or own is None)]
    return Change(
        gained,
        lost,
        _by_caller(denials, insiders, own, spelling),
        _by_caller(denials.turned(), insiders, own, spelling),
    )


def _denials(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return (EVERYTHING, *(rule for rule in rules if not rule.allows))


def _by_caller(
    comparison: Comparison, callers: Iterable[Caller], own: str | None, spelling: Mapping[str, str]
) -> tuple[Told, ...]:
    """Return what each caller gained, without what it gained as one of a larger group that is told."""
    found: list[tuple[Caller, list[Cell]]] = []
    for caller in sorted(callers, key=_rank(own)):
        cells = comparison.gained(caller)
        for larger, theirs in found:
            if _includes(larger, caller):
                cells = _without(cells, theirs)
        if cells:
            found.append((caller, cells))
    return tuple(one for caller, cells in found for one in told(comparison, caller, cells, spelling))


def _rank(own: str | None) -> Callable[[Caller], tuple[int, bool, str]]:
    order = ("anonymous", "stranger", "account")
    return lambda caller: (
        order.index(caller.kind) if caller.kind in order else len(order),
        caller.direct,
        f"{caller.name != own}{caller.name}",
    )


def _includes(larger: Caller, caller: Caller) -> bool:
    if larger.direct and not caller.direct:
        return False
    if larger.kind in ("anonymous", "stranger"):
        return True
    if larger.kind == "account":
        return larger.account == caller.account and not caller.direct
    return larger.name == caller.name


def _without(cells: list[Cell], others: list[Cell]) -> list[Cell]:
    """Return the cells without what others hold under the same conditions or under none."""
    left = cells
    for other in others:
        again: list[Cell] = []
        for cell in left:
            same = other.ways == cell.ways or frozenset() in other.ways
            if not (same and cell.actions & other.actions and cell.resources & other.resources):
                again.append(cell)
                continue
            outside, inside = cell.actions & ~other.actions, cell.actions & other.actions
            again += [replace(cell, actions=outside)] if outside else []
            rest = cell.resources & ~other.resources
            again += [replace(cell, actions=inside, resources=rest)] if rest else []
        left = again
    return left
