"""Reads what was captured of a variant and its shadow, and compares the two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from glue import variant_metrics
from glue.core import capture
from glue.core.capture import Captured, UnreadableError
from glue.core.comparing import Comparison
from glue.core.metrics import VariantMetrics
from glue.core.revision import Revision, Revisions
from glue.core.shadow import Matcher, Tally
from glue.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from glue.aws.s3 import Bucket
    from glue.aws.session import Session


@dataclass(frozen=True)
class Pairing:
    """Whom to compare: an endpoint (its short name), its variant, and the shadow."""

    endpoint: str
    production: str
    shadow: str


@dataclass
class Side:
    """What was read of one variant: exchanges in the window, and lines that could not be used, by reason."""

    variant: str
    captured: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Report:
    """A comparison. `captures` says whether the live revision captures at all, and which share (percent) it samples."""

    pairing: Pairing
    window: timedelta
    production: Side
    shadow: Side
    matcher: Matcher
    tally: Tally
    metrics: dict[str, VariantMetrics]
    sampled: int | None


def choose(endpoint: str, revisions: Revisions, *, production: str | None, shadow: str | None) -> Pairing:
    """Return whom to compare: those that were named, else the live revision's.

    Raises UsageError for a name that no retained revision has, RefusedError when there is no shadow.
    """
    live = revisions.live_revision
    if live is None:
        raise RefusedError(f"endpoint {endpoint} has no live revision", remedy="Promote a release first.")
    if shadow is None and not live.shadow_variants:
        raise RefusedError(
            f"{revisions.live} of endpoint {endpoint} has no shadow variant",
            remedy="Add shadow_variants to the endpoint's file and render it, or name an earlier one with --shadow.",
        )
    pairing = Pairing(endpoint, production or next(iter(live.variants)), shadow or next(iter(live.shadow_variants)))
    retained = revisions.revisions.values()
    _check("variant", pairing.production, {name for revision in retained for name in revision.variants})
    _check("shadow variant", pairing.shadow, {name for revision in retained for name in revision.shadow_variants})
    return pairing


def _check(kind: str, name: str, known: set[str]) -> None:
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise UsageError(f"no retained revision has a {kind} {name}", remedy=f"Known: {names}.")


def report(
    session: Session, pairing: Pairing, live: Revision, *, window: timedelta, comparison: Comparison, most: int
) -> Report:
    """Read the captured exchanges of both variants, pair them, and compare the answers.

    `most` of the shadow's exchanges are held in memory; further ones are counted and left out.
    """
    own = session.environment
    name = own.endpoint_name(pairing.endpoint)
    end = datetime.now(UTC)
    sides = {variant: Side(variant) for variant in (pairing.shadow, pairing.production)}
    matcher, tally = Matcher(most=most), Tally()

    def exchanges(variant: str) -> Iterator[Captured]:
        prefix = f"{capture.prefix(pairing.endpoint, name)}{variant}/"
        return _exchanges(session.artifacts(), prefix, sides[variant], since=end - window, until=end)

    for captured in exchanges(pairing.shadow):
        matcher.hold(captured)
    for captured in exchanges(pairing.production):
        found = matcher.match(captured)
        if found is not None:
            tally.add(captured, found, comparison)
    return Report(
        pairing=pairing,
        window=window,
        production=sides[pairing.production],
        shadow=sides[pairing.shadow],
        matcher=matcher,
        tally=tally,
        metrics=variant_metrics.read(session, name, sides, window=window),
        sampled=live.data_capture.sampling_percentage if live.data_capture else None,
    )


def _exchanges(bucket: Bucket, prefix: str, side: Side, *, since: datetime, until: datetime) -> Iterator[Captured]:
    """Yield a variant's captured exchanges of a window, and count them and what cannot be read."""
    for key in _keys(bucket, prefix, since, until):
        head = bucket.head(key)
        if head is None:
            continue  # its time was over: a life-cycle rule took it meanwhile
        stream = bucket.open(key, etag=head.stored.etag, version_id=head.stored.version_id)
        try:
            for line in capture.lines(stream):
                try:
                    captured = capture.parse(line)
                except UnreadableError as error:
                    side.unreadable[error.reason] += 1
                    continue
                if since <= captured.at < until:
                    side.captured += 1
                    yield captured
        finally:
            stream.close()


def _keys(bucket: Bucket, prefix: str, since: datetime, until: datetime) -> Iterator[str]:
    for day in capture.days(since, until):
        for key in bucket.keys(f"{prefix}{day}"):
            found = capture.place(key)
            if found is not None and capture.may_hold(found[1], since, until):
                yield key
