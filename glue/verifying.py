"""Proves that what is wanted is what is live, and that it answers as its releases promise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glue import live as reading
from glue import surrounding
from glue.asking import GoldenReport, ask_golden
from glue.core import truth
from glue.core.revision import Revisions
from glue.core.serving import EndpointSettings
from glue.core.truth import Live, Truth

if TYPE_CHECKING:
    from glue.aws.session import Session


# One failing request explains a model; a thousand bury the reason. The document of a result holds them all.
_SHOWN = 3


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
        more = (f"{len(wrong) - _SHOWN} more golden requests failed",) if len(wrong) > _SHOWN else ()
        return (*self.truth.reasons, *wrong[:_SHOWN], *more)

    @property
    def exit_code(self) -> int:
        """0 when all is as wanted, 3 while a deployment is under way, 1 otherwise."""
        return 1 if any(report.failed for report in self.golden) else self.truth.exit_code


def truth_of(
    session: Session,
    endpoint: str,
    revisions: Revisions,
    *,
    settings: EndpointSettings | None = None,
    live: Live | None = None,
    alarms: bool = True,
) -> Truth:
    """Return the verdict on an endpoint (its short name). Reads AWS only; `live` is what was read of it already.

    With `settings`, how it is scaled must be as they say. `alarms` False: an alarm that rings is no failure, because it
    may ring for what was live before.
    """
    name = session.environment.endpoint_name(endpoint)
    live = live or reading.read(session.sagemaker, name)
    return truth.check(
        endpoint=name,
        wanted=revisions.live,
        revision=revisions.live_revision,
        live=live,
        settings=settings,
        around=surrounding.read(session, name, live),
        alarms=alarms,
    )


def verify(
    session: Session,
    endpoint: str,
    revisions: Revisions,
    *,
    golden: bool = True,
    settings: EndpointSettings | None = None,
) -> Verified:
    """Return the proof of one endpoint. Golden requests are asked only of an endpoint whose truth check passed.

    After a way back, alarms may ring for what was live before, and are no failure.
    """
    alarms = not revisions.returning
    found = Verified(endpoint, truth_of(session, endpoint, revisions, settings=settings, alarms=alarms))
    revision = revisions.live_revision
    if not golden or found.truth.state != "true" or revision is None:
        return found
    return replace(found, golden=ask_golden(session, endpoint, revision))
