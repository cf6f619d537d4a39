"""Reads how an endpoint's traffic is shared out, and plans the revision that shifts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from glue import live as reading
from glue import variant_metrics
from glue.core import render, traffic
from glue.core.render import Rendered
from glue.core.revision import Revisions
from glue.core.serving import EndpointSettings
from glue.errors import RefusedError
from glue.promotion import Planner
from glue.tf.tfvars import Estate

if TYPE_CHECKING:
    from glue.aws.session import Session


@dataclass(frozen=True)
class Shown:
    """How the traffic of an endpoint (its short name) is shared out, and in which window requests were counted."""

    endpoint: str
    revision: str
    rows: tuple[traffic.Row, ...]
    window: timedelta
    exists: bool = True

    @property
    def drifted(self) -> tuple[str, ...]:
        """The variants that AWS sends another share than the live revision says."""
        return tuple(row.variant for row in self.rows if row.drifted)


@dataclass(frozen=True)
class Shifted:
    """A shift of traffic that was planned: the file before, what it becomes, what differs, and what to think of."""

    endpoint: str
    before: Revisions
    rendered: Rendered
    changes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def show(session: Session, estate: Estate, endpoint: str, *, window: timedelta) -> Shown:
    """Return how the traffic is shared out. Raises RefusedError before the first promotion."""
    revisions = estate.revisions(session.environment.name, endpoint)
    revision = revisions.live_revision
    if revision is None or revisions.live is None:
        raise RefusedError(
            f"endpoint {endpoint} of {session.environment.name} has no live revision", remedy="Promote a release first."
        )
    name = session.environment.endpoint_name(endpoint)
    live = reading.read(session.sagemaker, name)
    seen = variant_metrics.read(session, name, revision.all_variants, window=window)
    return Shown(endpoint, revisions.live, traffic.table(revision, live, seen), window, exists=bool(live.endpoint))


def plan_shift(
    session: Session, settings: EndpointSettings, before: Revisions, asked: Mapping[str, int], *, now: str, retry: bool
) -> Shifted:
    """Return the shift to other weights. Raises the errors of `glue.core.traffic.shift`."""
    counts = reading.read(session.sagemaker, session.environment.endpoint_name(settings.endpoint)).counts
    rendered = traffic.shift(before, asked, settings=settings, live_counts=counts, created=now, retry=retry)
    after = rendered.revisions.revisions[rendered.live]
    instances = {name: v.initial_instance_count for name, v in after.all_variants.items() if v.initial_instance_count}
    warnings: tuple[str, ...] = ()
    if before.live_revision is not None:
        warnings = traffic.busier(before.live_revision, after, instances)
    changes = tuple(render.difference(before.live_revision, after)) if rendered.changed else ()
    return Shifted(settings.endpoint, before, rendered, changes, warnings)


def plan_winner(
    session: Session,
    estate: Estate,
    settings: EndpointSettings,
    before: Revisions,
    variant: str,
    *,
    now: str,
    retry: bool,
) -> Shifted:
    """Return the revision in which all variants of the winner's model serve its release, with today's settings.

    Weights stay: all serve the same now, and instances are where the traffic was.
    """
    from glue.releases import load_release  # noqa: PLC0415 - boto3 is paid for by those who need it

    release = traffic.winner_of(before, variant, settings=settings)
    manifest = load_release(session.artifacts(), release).release
    plan = Planner(estate=estate, session=session, now=now, retry=retry).render(settings, manifest)
    return Shifted(settings.endpoint, before, plan.rendered, plan.changes, notes=plan.notes)
