"""Traffic between the variants of an endpoint: who gets which share, and the revision that shifts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from glue.core import names, render, weights
from glue.core.metrics import VariantMetrics
from glue.core.render import Rendered
from glue.core.revision import Revision, Revisions
from glue.core.serving import EndpointSettings
from glue.core.truth import Live
from glue.errors import RefusedError, UsageError

# So many times the requests that the busiest instance takes now are worth a word before they come.
_BUSY = 1.5


@dataclass(frozen=True)
class Row:
    """One variant: its wanted and live weight and share (0 to 1), and what was seen of it; None: AWS does not say."""

    variant: str
    shadow: bool
    release: str
    weight: int
    share: float
    instances: int | None
    live_weight: float | None
    live_share: float | None
    requests: float
    observed_share: float | None

    @property
    def drifted(self) -> bool:
        """Whether AWS sends it another share than the live revision says."""
        return self.live_share is None or abs(self.live_share - self.share) > 1e-6


def table(revision: Revision, live: Live, seen: Mapping[str, VariantMetrics]) -> tuple[Row, ...]:
    """Return a row for each variant of the live revision, shadows last."""
    states = {**live.endpoint.variants, **live.endpoint.shadow_variants} if live.endpoint else {}
    total = sum(states[name].current_weight for name in revision.variants if name in states)
    requests = {name: seen[name].requests if name in seen else 0.0 for name in revision.all_variants}
    asked = sum(requests[name] for name in revision.variants)
    share = weights.shares(revision)
    return tuple(
        Row(
            variant=name,
            shadow=name in revision.shadow_variants,
            release=variant.release,
            weight=variant.weight,
            share=share[name],
            instances=live.counts.get(name, variant.initial_instance_count),
            live_weight=states[name].current_weight if name in states else None,
            live_share=min(states[name].current_weight / total, 1.0) if name in states and total else None,
            requests=requests[name],
            observed_share=requests[name] / asked if asked else None,
        )
        for name, variant in revision.all_variants.items()
    )


def shift(
    revisions: Revisions,
    asked: Mapping[str, int],
    *,
    settings: EndpointSettings,
    live_counts: Mapping[str, int],
    created: str,
    retry: bool = False,
) -> Rendered:
    """Return the revisions with the live content under other weights; variants that are not named keep theirs.

    Nothing else changes: the content is the live revision's, with the instances of today, whatever the endpoint's file
    says by now. Raises UsageError for a variant that is not live and for weights that nobody would take.
    """
    live = _live(revisions)
    if unknown := sorted(set(asked) - set(live.all_variants)):
        raise UsageError(
            f"{revisions.live} of endpoint {settings.endpoint} has no variant {', '.join(unknown)}",
            remedy=f"Live: {', '.join(live.all_variants)}. A new one begins in the endpoint's file.",
        )
    wanted = _weighted(live, asked).with_counts(_counts(live, settings, live_counts))
    weights.check(wanted)
    return render.add(revisions, wanted, settings=settings, created=created, retry=retry)


def winner_of(revisions: Revisions, variant: str, *, settings: EndpointSettings) -> str:
    """Return the release of the variant that won. Raises UsageError when it is not live, or has nobody to win over."""
    live = _live(revisions)
    if variant not in live.all_variants:
        raise UsageError(
            f"{revisions.live} of endpoint {settings.endpoint} has no variant {variant}",
            remedy=f"Live: {', '.join(live.all_variants)}.",
        )
    release = live.all_variants[variant].release
    model = names.model_of_release(release)
    if not any(entry.model == model for entry in settings.variants.values()):
        raise UsageError(
            f"no variant in the file of endpoint {settings.endpoint} serves {model}, the model of {variant}",
            remedy="Change the model of the variant that is to serve it, then promote the release.",
        )
    return release


def busier(before: Revision, after: Revision, counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return a warning for each variant whose instances would each take far more than the busiest does now."""
    now = _load(before, counts)
    then = _load(after, counts)
    most = max(now.values(), default=0.0)
    return tuple(
        f"each instance of {name} ({counts[name]}) would take {load / most:.1f} times the requests of the busiest now; "
        "give it more instances first, or shift in steps"
        for name, load in then.items()
        if most and load > _BUSY * most
    )


def _load(revision: Revision, counts: Mapping[str, int]) -> dict[str, float]:
    share = weights.shares(revision)
    return {name: share[name] / counts[name] for name in revision.variants if counts.get(name)}


def _live(revisions: Revisions) -> Revision:
    live = revisions.live_revision
    if live is None:
        raise RefusedError("there is no live revision whose traffic could shift", remedy="Promote a release first.")
    return live


def _weighted(live: Revision, asked: Mapping[str, int]) -> Revision:
    def changed(name: str, weight: int) -> int:
        return asked.get(name, weight)

    return replace(
        live,
        variants={n: replace(v, weight=changed(n, v.weight)) for n, v in live.variants.items()},
        shadow_variants={n: replace(v, weight=changed(n, v.weight)) for n, v in live.shadow_variants.items()},
    )


def _counts(live: Revision, settings: EndpointSettings, now: Mapping[str, int]) -> dict[str, int]:
    """Return today's instance counts, within what autoscaling may do: a shift of traffic never scales in."""
    found = {}
    for name, variant in live.all_variants.items():
        frozen = variant.initial_instance_count
        if frozen is None:
            continue
        bounds = settings.autoscaling.get(name)
        most = bounds.maximum if bounds else max(frozen, now.get(name, 0))
        found[name] = max(frozen, min(now.get(name, frozen), most))
    return found
