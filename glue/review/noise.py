"""Everything that nobody else has told: destroys with a finding each, the rest folded away with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from glue.review.model import Changed, Finding, Part, Settings
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.stateful import kinds

TAGS = frozenset({"tags", "tags_all", "labels", "effective_labels", "terraform_labels", "default_tags"})
_VERBS = {"create": "created", "update": "changed", "replace": "replaced", "delete": "destroyed", "forget": "forgotten"}


MANY = 3  # more destroys of unknown things than that are one finding


def amount(number: int, what: str) -> str:
    """Return `1 resource changes`, `2 resources change`."""
    return f"1 {what} changes" if number == 1 else f"{number} {what}s change"


def counts(plan: Plan) -> Mapping[str, int]:
    """Return how many resources are created, updated, replaced, deleted, forgotten, imported, moved and read."""
    found = Counter(change.what for change in plan.changes if change.what != "none")
    found["import"] = sum(change.importing for change in plan.changes)
    found["move"] = sum(change.previous_address is not None for change in plan.changes)
    names = ("create", "update", "replace", "delete", "forget", "import", "move", "read")
    return {name: found[name] for name in names}


def changes(plan: Plan) -> tuple[Changed, ...]:
    """Return one line of data for each resource that changes, data sources left out."""
    return tuple(
        Changed(change.address, change.type, change.what, change.attributes())
        for change in plan.changes
        if change.mode == "managed" and change.what != "none"
    )


def only_tags(change: Resource) -> bool:
    """Tell whether a resource changes in its tags alone."""
    names = set(change.attributes())
    return change.what == "update" and bool(names) and names <= TAGS


def inspect(plan: Plan, settings: Settings, claimed: frozenset[str] = frozenset()) -> Part:
    """Return what the other inspectors, who claimed some addresses, have not told."""
    managed = [change for change in plan.changes if change.mode == "managed"]
    rest = [
        change for change in managed if change.deposed or change.address not in claimed
    ]  # claims are of what is live
    findings = [*_destroyed(rest, settings), *_changed(plan, settings), *_outputs(plan, settings)]
    return Part(findings=tuple(findings), folded=tuple(_folded(plan, rest)))


def _destroyed(rest: Iterable[Resource], settings: Settings) -> Iterator[Finding]:
    """Yield findings for destroys of what no list knows: one each, or one for all when there are many."""
    gone = [
        change
        for change in rest
        if change.destroyed
        and not change.deposed
        and not kinds().lost(change.type)
        and change.type not in kinds().empty
    ]
    if len(gone) > MANY:
        types = Counter(change.type for change in gone)
        words = ", ".join(f"{number} {kind}" for kind, number in types.most_common())
        yield settings.rules.finding(
            "resource-destroyed",
            message=f"{len(gone)} resources are destroyed or replaced: {words}",
            details=tuple(f"{change.address} {_VERBS[change.what]}{_why(change)}" for change in gone),
        )
        return
    for change in gone:
        yield settings.rules.finding(
            "resource-destroyed",
            resource=change.address,
            message=f"{change.type} is {_VERBS[change.what]}{_why(change)}",
            details=tuple(f"forced by {'.'.join(map(str, path))}" for path in change.replace_paths[:5]),
        )


def _why(change: Resource) -> str:
    return f" ({change.reason.replace('_', ' ')})" if change.reason else ""


def _changed(plan: Plan, settings: Settings) -> Iterator[Finding]:
    """Yield one finding for all changes together: whatever changes is at least low."""
    total = sum(counts(plan)[what] for what in ("create", "update", "replace", "delete", "forget", "import", "move"))
    if total:
        words = ", ".join(f"{number} {what}" for what, number in counts(plan).items() if number and what != "read")
        yield settings.rules.finding("resource-changed", message=f"{amount(total, 'resource')}: {words}")


def _outputs(plan: Plan, settings: Settings) -> Iterator[Finding]:
    names = [name for name, output in plan.outputs.items() if output.what != "none"]
    if names:
        yield settings.rules.finding("output-changed", message=amount(len(names), "output"), details=tuple(names[:20]))


def _folded(plan: Plan, rest: Iterable[Resource]) -> Iterator[str]:
    tags: Counter[str] = Counter()
    others: Counter[tuple[str, str]] = Counter()
    deposed: list[str] = []
    for change in rest:
        if change.deposed:
            deposed.append(change.address)
        elif only_tags(change):
            tags[change.type] += 1
        elif change.what in _VERBS and not _told(change):
            others[change.what, change.type] += 1
    yield from (
        f"{number} {kind} change{'s' if number == 1 else ''} tags only" for kind, number in sorted(tags.items())
    )
    yield from (f"{number} {kind} {_VERBS[what]}" for (what, kind), number in sorted(others.items()))
    moved = [f"{change.previous_address} → {change.address}" for change in plan.changes if change.previous_address]
    imported = [change.address for change in plan.changes if change.importing]
    yield from _some("deposed objects removed", deposed)
    yield from _some("moved in the state", moved)
    yield from _some("imported", imported)
    if same := sum(change.what == "none" and change.mode == "managed" for change in plan.changes):
        yield f"{same} unchanged"


def _told(change: Resource) -> bool:
    """Tell whether the destroy of a resource is a finding, here or in stateful.py."""
    return change.destroyed and change.type not in kinds().empty


def _some(what: str, names: list[str], most: int = 10) -> Iterator[str]:
    """Yield one line with the number and the first names, nothing for none."""
    if names:
        more = f" and {len(names) - most} more" if len(names) > most else ""
        yield f"{len(names)} {what}: {', '.join(sorted(names)[:most])}{more}"
