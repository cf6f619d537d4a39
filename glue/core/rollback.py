"""Which revision a rollback goes to, and whether it needs a new one so that nothing scales in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue.core.render import Rendered
from glue.core.revision import Revisions, number_of
from glue.core.serving import EndpointSettings
from glue.errors import RefusedError, UsageError


@dataclass(frozen=True)
class Rollback:
    """What a rollback does: the revision it goes back to, what becomes of the file, and what it would scale in."""

    to: str
    rendered: Rendered
    scales_in: Mapping[str, tuple[int, int]]  # variant: instances now, instances of the revision


def plan_rollback(
    revisions: Revisions,
    *,
    settings: EndpointSettings,
    to: str | None,
    live_counts: Mapping[str, int],
    now: bool,
    created: str,
    retry: bool = False,
) -> Rollback:
    """Return what a rollback does; `to` None means the last good revision before the live one.

    When more instances serve than the old revision had, its content becomes a new revision with today's count, unless
    `now`. Raises UsageError for a revision that is not retained, RefusedError when there is nothing to go back to, or
    when the revision failed, unless `retry`.
    """
    chosen = choose(revisions, to)
    if chosen == revisions.live and revisions.revisions[chosen].failed is None:
        return Rollback(chosen, Rendered("same", revisions, revisions.live), {})
    before = revisions.live
    content = revisions.revisions[chosen]
    revisions = revisions.admit(content, retry=retry)
    frozen = {name: v.initial_instance_count for name, v in content.all_variants.items() if v.initial_instance_count}
    scales_in = {name: (live_counts[name], count) for name, count in frozen.items() if live_counts.get(name, 0) > count}
    if now or not scales_in:
        return Rollback(chosen, Rendered("moved", revisions.back(chosen), before), scales_in)
    limits = {name: bounds.maximum for name, bounds in settings.autoscaling.items()}
    counts = {name: max(frozen[name], min(now, limits.get(name, now))) for name, (now, _) in scales_in.items()}
    wanted = content.with_counts(counts)
    retained = revisions.find(wanted)
    if retained is not None:
        return Rollback(chosen, Rendered("moved", revisions.back(retained), before), {})
    added = revisions.add(wanted, created=created)
    return Rollback(chosen, Rendered("new", added.back(str(added.live)), before), {})


def choose(revisions: Revisions, to: str | None) -> str:
    """Return the revision to go back to: `to`, or the last good one before the live one.

    What each revision replaced is followed back, past those that failed. A rollback that had to make a new revision
    for today's instance count stands for the one whose content it is.
    """
    if revisions.live is None:
        raise RefusedError("there is no live revision to go back from", remedy="Promote a release first.")
    known = ", ".join(sorted(revisions.revisions, key=number_of))
    if to is not None:
        if to not in revisions.revisions:
            raise UsageError(f"revision {to} is not retained", remedy=f"Retained: {known}.")
        return to
    seen: set[str] = set()
    at = revisions.live
    while at not in seen:
        seen.update(alike := revisions.alike(revisions.revisions[at]))
        replaced = revisions.revisions[alike[0]].replaces
        if replaced is None or replaced not in revisions.revisions:
            gone = f"replaced {replaced}, which is gone" if replaced else "replaced nothing"
            raise RefusedError(
                f"there is no good revision before {revisions.live}: {alike[0]} {gone}",
                remedy=f"Name a revision with --to. Retained: {known}.",
            )
        if replaced not in seen and not _failed(revisions, replaced):
            return replaced
        at = replaced
    raise RefusedError(
        f"no revision before {revisions.live} is good", remedy=f"Name a revision with --to. Retained: {known}."
    )


def _failed(revisions: Revisions, name: str) -> bool:
    """Tell whether a revision failed, with whatever instance counts."""
    return any(revisions.revisions[entry].failed for entry in revisions.alike(revisions.revisions[name]))
