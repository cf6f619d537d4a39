"""Proves that what is wanted is what is live, and that it answers as its releases promise."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glue import live as reading
from glue.core import truth
from glue.core.golden import GoldenRequest, GoldenResult, difference, judge
from glue.core.revision import Revision, Revisions
from glue.core.truth import Live, Truth
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.aws.session import Session

# A first request may find a cold model; the release promises what a warm one needs.
_TRIES = 3


@dataclass(frozen=True)
class GoldenReport:
    """How the golden requests of one variant's release went."""

    variant: str
    release: str
    results: tuple[GoldenResult, ...]

    @property
    def failed(self) -> tuple[GoldenResult, ...]:
        """The requests that were not answered as promised."""
        return tuple(result for result in self.results if not result.passed)


@dataclass(frozen=True)
class Verified:
    """The proof of one endpoint (its short name): truth check, and golden requests when they were asked."""

    endpoint: str
    truth: Truth
    golden: tuple[GoldenReport, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """Everything that is wrong, in words."""
        wrong = [
            f"golden request {result.name!r} of {report.release} on variant {report.variant}: {result.reason}"
            for report in self.golden
            for result in report.failed
        ]
        return (*self.truth.reasons, *wrong)

    @property
    def exit_code(self) -> int:
        """0 when all is as wanted, 3 while a deployment is under way, 1 otherwise."""
        return 1 if any(report.failed for report in self.golden) else self.truth.exit_code


def truth_of(session: Session, endpoint: str, revisions: Revisions, *, live: Live | None = None) -> Truth:
    """Return the verdict on an endpoint (its short name). Reads AWS only; `live` is what was read of it already."""
    name = session.environment.endpoint_name(endpoint)
    live = live or reading.read(session.sagemaker, name)
    return truth.check(endpoint=name, wanted=revisions.live, revision=revisions.live_revision, live=live)


def verify(session: Session, endpoint: str, revisions: Revisions, *, golden: bool = True) -> Verified:
    """Return the proof of one endpoint. Golden requests are asked only of an endpoint whose truth check passed."""
    found = Verified(endpoint, truth_of(session, endpoint, revisions))
    revision = revisions.live_revision
    if not golden or found.truth.state != "true" or revision is None:
        return found
    return replace(found, golden=ask_golden(session, endpoint, revision))


def ask_golden(
    session: Session, endpoint: str, revision: Revision, *, clock: Callable[[], float] = time.perf_counter
) -> tuple[GoldenReport, ...]:
    """Ask every variant its release's golden requests and return how it went; a shadow's answers nobody sees.

    Raises the errors of reading the release. A model's error, or no answer at all, is a failed request.
    """
    from glue.releases import load_golden, load_release  # noqa: PLC0415 - boto3 is paid for by those who need it

    name = session.environment.endpoint_name(endpoint)
    bucket = session.artifacts()
    releases = {release: load_golden(load_release(bucket, release)) for release in revision.releases}
    several = len(revision.variants) > 1
    return tuple(
        GoldenReport(
            variant,
            entry.release,
            tuple(
                _ask(session, name, request, variant=variant if several else None, clock=clock)
                for request in releases[entry.release]
            ),
        )
        for variant, entry in revision.variants.items()
    )


def _ask(
    session: Session, endpoint: str, request: GoldenRequest, *, variant: str | None, clock: Callable[[], float]
) -> GoldenResult:
    result = GoldenResult(request.name, passed=False, reason="it was not asked", latency_ms=0.0)
    for _ in range(_TRIES):
        began = clock()
        try:
            answer = session.runtime.invoke(
                endpoint, request.body, content_type=request.content_type, accept=request.accept, variant=variant
            )
        except SlipwayError as error:
            elapsed = (clock() - began) * 1000
            return GoldenResult(request.name, passed=False, reason=error.message, latency_ms=elapsed)
        result = judge(request, answer=answer.body, latency_ms=(clock() - began) * 1000)
        if result.passed or difference(request, answer.body) is not None:
            break
    return result
