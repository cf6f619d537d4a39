"""The line of an endpoint: what a model owner reads first."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from glue.review.endpoints_saying import safe
from glue.review.model import Cost, EndpointChange, FieldChange, Rollback

_SHOWN = 4  # changes in the line; all of them are listed below it
_VERBS = {"create": "is made", "delete": "is DESTROYED", "replace": "is REPLACED: destroyed and made anew"}


def line(change: EndpointChange, *, returning: bool) -> str:
    """Return an endpoint's line: where it goes, what changes, how traffic moves, the way back, the cost."""
    parts = [
        _way(change, returning=returning),
        _inside(change.changes),
        change.traffic.text if change.traffic.kind != "none" or change.action in ("create", "update") else "",
        *(f"INTERRUPTS: {safe(text)}" for text in change.interrupts),
        *(f"scales in: {safe(text)}" for text in change.scales_in),
        _back(change.rollback, change.action),
        price(change.cost),
    ]
    return f"{safe(change.endpoint)}: {'; '.join(part for part in parts if part)}"


def _way(change: EndpointChange, *, returning: bool) -> str:
    if change.action in _VERBS:
        served = change.after if change.action == "create" else change.before
        releases = change.releases_after if change.action == "create" else change.releases_before
        return f"{_VERBS[change.action]}{f' ({_named(served, releases)})' if served else ''}"
    if change.before is None and change.after is None:  # none is served yet, or it lies in another state
        return ""
    if change.before == change.after and change.releases_before == change.releases_after:
        return f"stays on {_named(change.after, change.releases_after)}"
    verb = "goes back from " if returning else ""
    to = "to" if returning else "→"
    return f"{verb}{_named(change.before, change.releases_before)} {to} {_named(change.after, change.releases_after)}"


def _named(served: str | None, releases: Sequence[str]) -> str:
    name = safe(served or "a config that is not known")
    return f"{name} ({safe(', '.join(releases))})" if releases else name


def _inside(changes: Sequence[FieldChange]) -> str:
    """Return the first changes; what the line says already (the release) is left out."""
    texts = [change.text for change in changes if not _is_release(change)]
    left = len(texts) - _SHOWN
    more = f", and {left} more change{'' if left == 1 else 's'}" if left > 0 else ""
    return f"{', '.join(texts[:_SHOWN])}{more}"


def _is_release(change: FieldChange) -> bool:
    return change.what == "artifact" and ("release" in change.text)


def _back(rollback: Rollback, action: str) -> str:
    if action == "create":
        return ""
    return f"back by one line: {rollback.text}" if rollback.one_line else f"NO WAY BACK by one line: {rollback.text}"


def price(cost: Cost) -> str:
    """Return a month's cost in words; what is not known is said, never left out."""
    if cost.before is None and cost.after is None and not cost.unknown:
        return ""
    use = ", and its requests by use" if any("billed by use" in note for note in cost.notes) else ""
    if cost.difference == 0:
        return f"${_dollars(cost.after)} a month as before{use}" if cost.after is not None else "costs as before"
    sign = (
        "" if cost.difference is None else f" ({'+' if cost.difference >= 0 else '-'}${_dollars(abs(cost.difference))})"
    )
    missing = f", without a price for {safe(', '.join(cost.unknown))}" if cost.unknown else ""
    return f"${_dollars(cost.before)} → ${_dollars(cost.after)} a month{sign}{use}{missing}"


def _dollars(amount: Decimal | None) -> str:
    return "?" if amount is None else f"{amount:,.2f}"
