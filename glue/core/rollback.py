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
) -> Rollback:
    """Return what a rollback does; `to` None means what the live revision replaced.

    When more instances serve than the old revision had, its content becomes a new revision with today's count, unless
    `now`. Raises UsageError for a revision that is not retained, RefusedError when there is nothing to go back to.
    """
    chosen = choose(revisions, to)
    if chosen == revisions.live:
        return Rollback(chosen, Rendered("same", revisions, revisions.live), {})
    content = revisions.revisions[chosen]
    frozen = {name: v.initial_instance_count for name, v in content.all_variants.items() if v.initial_instance_count}
    scales_in = {name: (live_counts[name], count) for name, count in frozen.items() if live_counts.get(name, 0) > count}
    if now or not scales_in:
        return Rollback(chosen, Rendered("moved", revisions.move(chosen), revisions.live), scales_in)
    limits = {name: bounds.maximum for name, bounds in settings.autoscaling.items()}
    counts = {name: max(frozen[name], min(now, limits.get(name, now))) for name, (now, _) in scales_in.items()}
    wanted = content.with_counts(counts)
    retained = revisions.find(wanted)
    if retained is not None:
        return Rollback(chosen, Rendered("moved", revisions.move(retained), revisions.live), {})
    return Rollback(chosen, Rendered("new", revisions.add(wanted, created=created), revisions.live), {})


def choose(revisions: Revisions, to: str | None) -> str:
    """Return the revision to go back to."""
    live = revisions.live_revision
    if live is None:
        raise RefusedError("there is no live revision to go back from", remedy="Promote a release first.")
    known = ", ".join(sorted(revisions.revisions, key=number_of))
    if to is not None:
        if to not in revisions.revisions:
            raise UsageError(f"revision {to} is not retained", remedy=f"Retained: {known}.")
        return to
    if live.replaces is None or live.replaces not in revisions.revisions:
        gone = f"replaced {live.replaces}, which is gone" if live.replaces else "replaced nothing"
        raise RefusedError(f"{revisions.live} {gone}", remedy=f"Name a revision with --to. Retained: {known}.")
    return live.replaces
