"""What of a plan is drift, and what is only pending: wanted by the configuration, and applied by nobody yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glue.review.drift import drifted
from glue.review.echoes import Echoes
from glue.review.model import EndpointChange
from glue.review.plan import Plan
from glue.review.resource import Path, Resource
from glue.review.strength import at

_VERBS = {"create": "created", "update": "changed", "replace": "replaced", "delete": "destroyed", "forget": "forgotten"}
_PATHS = 4  # of one resource; the count says how many there are
_SHORT = 60  # characters of a value that is shown; of a longer one only that it differs


@dataclass(frozen=True)
class Differences:
    """Between what Terraform recorded, what AWS has, and what the configuration wants, in words."""

    drift: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


def differences(plan: Plan, endpoints: Iterable[EndpointChange] = ()) -> Differences:
    """Return drift and pending changes of a plan that was made to look; `endpoints` are its review's lines.

    A change that only takes drift back is drift and not pending.
    """
    found, echoes = list(drifted(plan)), Echoes(plan)
    planned = {change.address: change for change in plan.changes if change.deposed is None}
    words = tuple(f"{plan.show(it.address, most=200)}: {_words(plan, it, echoes, planned)}" for it in found)
    by_address = {change.address: change for change in found}
    waiting = [change for change in plan.changes if _is_pending(change, by_address.get(change.address))]
    return Differences(words, tuple(_pending(plan, waiting, endpoints)))


def _words(plan: Plan, change: Resource, echoes: Echoes, planned: Mapping[str, Resource]) -> str:
    apply = planned.get(change.address)
    if change.what == "delete":
        back = apply is not None and apply.what == "create"
        return f"removed outside of Terraform; {'an apply makes it anew' if back else 'nothing makes it anew'}"
    paths = echoes.meaningful(change)
    said = [_difference(plan, change, path) for path in paths[:_PATHS]]
    more = [f"{len(paths) - _PATHS} more"] if len(paths) > _PATHS else []
    undone = apply is not None and bool(set(apply.attributes()) & {str(path[0]) for path in paths})
    end = "an apply takes it back" if undone else "an apply leaves it as it is"
    return f"changed outside of Terraform: {', '.join([*said, *more])}; {end}"


def _difference(plan: Plan, change: Resource, path: Path) -> str:
    name = plan.show(".".join(str(step) for step in path))
    old, new = (at(values, path) for values in (change.before, change.after))
    if any(isinstance(it, dict | list) or len(str(it)) > _SHORT for it in (old, new)):
        return f"{name} {'added' if _nothing(old) else 'removed' if _nothing(new) else 'changed'}"
    return f"{name} {_shown(plan, old)} → {_shown(plan, new)}"


def _nothing(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _shown(plan: Plan, value: Any) -> str:
    return "nothing" if _nothing(value) else plan.show(value, most=_SHORT)


def _is_pending(change: Resource, drift: Resource | None) -> bool:
    if change.mode != "managed" or change.what not in _VERBS:
        return False
    if drift is None:
        return True
    if drift.what == "delete":
        return change.what != "create"
    return change.what != "update" or not set(change.attributes()) <= set(drift.attributes())


def _pending(plan: Plan, waiting: list[Resource], endpoints: Iterable[EndpointChange]) -> Iterator[str]:
    """Yield a line for each endpoint, and one for each kind of change of everything else."""
    addresses = {change.address for change in waiting}
    told = [line for line in endpoints if line.resource in addresses]
    yield from (f"{plan.show(line.endpoint)}: {line.text}" for line in told)
    known = {line.resource for line in told}
    rest: Counter[tuple[str, str]] = Counter()
    for change in waiting:
        if change.address not in known:
            rest[change.what, change.type] += 1
    yield from (f"{number} {plan.show(kind)} would be {_VERBS[what]}" for (what, kind), number in sorted(rest.items()))
