"""Asks an endpoint its releases' golden requests, and says how each went."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glue.core import names
from glue.core.golden import TRIES, GoldenRequest, GoldenResult, difference, judge
from glue.core.revision import Revision
from glue.core.watch import NOT_NOW, release_in
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.aws.session import Session

# A container that has no time now is asked again after so many seconds.
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
# All requests of one endpoint together: a thousand that take a minute each are no proof but a blocked deployment.
TOTAL_S = 900.0


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
class Asked:
    """One answer, or the error in its place. `release` is whose answer it says it is; times are in milliseconds."""

    latency_ms: float
    body: bytes | None = None
    content_type: str = ""
    error: str | None = None
    release: str | None = None
    retried: bool = False  # the client asked twice, so that the time is not the model's
    not_now: bool = False  # the container had no time: it says nothing about its answers


class Asker:
    """Asks one endpoint (its full name), and one variant of it where there are several, within a total of seconds."""

    def __init__(
        self,
        session: Session,
        endpoint: str,
        *,
        total_s: float = TOTAL_S,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session, self._endpoint = session, endpoint
        self._total_s, self._clock, self._sleep = total_s, clock, sleep
        self._until = clock() + total_s

    @property
    def late(self) -> bool:
        """Whether its time is over."""
        return self._clock() >= self._until

    def pause(self, seconds: float) -> None:
        """Wait between two requests."""
        self._sleep(seconds)

    def ask(self, request: GoldenRequest, variant: str | None) -> Asked:
        """Send one request once. An error is an answer, too."""
        from glue.aws.runtime import ModelError  # noqa: PLC0415 - boto3 is paid for by those who need it

        began = self._clock()
        try:
            answer = self._session.runtime.invoke(
                self._endpoint, request.body, content_type=request.content_type, accept=request.accept, variant=variant
            )
        except ModelError as error:
            busy = error.status in NOT_NOW
            return Asked(self._since(began), error=error.message, not_now=busy)
        except SlipwayError as error:
            return Asked(self._since(began), error=error.message)
        return Asked(
            self._since(began),
            body=answer.body,
            content_type=answer.content_type,
            release=release_in(answer.attributes),
            retried=bool(answer.retries),
        )

    def judged(self, request: GoldenRequest, *, release: str, variant: str | None) -> GoldenResult:
        """Ask until the answer is as promised, is wrong, or its tries are used up; return how it went.

        A wrong answer fails at once. One that is late, or another release's, is asked for again.
        """
        result = GoldenResult(request.name, passed=False, reason="it was not asked", latency_ms=0.0)
        for number in range(TRIES):
            if self.late:
                reason = f"{result.reason}; all golden requests together took over {self._total_s:g} s"
                return replace(result, passed=False, reason=reason)
            asked = self.ask(request, variant)
            result = _judged(request, asked, release=release)
            if asked.not_now and number < len(PAUSES_S):
                self._sleep(PAUSES_S[number])
            elif result.passed or asked.body is None or difference(request, asked.body) is not None:
                break
        return result

    def _since(self, began: float) -> float:
        return (self._clock() - began) * 1000


def _judged(request: GoldenRequest, asked: Asked, *, release: str) -> GoldenResult:
    if asked.body is None:
        return GoldenResult(request.name, passed=False, reason=asked.error, latency_ms=asked.latency_ms)
    result = judge(request, answer=asked.body, latency_ms=asked.latency_ms)
    if result.passed and asked.release not in {None, release}:
        return replace(result, passed=False, reason=f"release {asked.release} answered it")
    return result


def ask_golden(session: Session, endpoint: str, revision: Revision) -> tuple[GoldenReport, ...]:
    """Ask every variant its release's golden requests and return how it went; a shadow's answers nobody sees.

    `endpoint` is the short name. Raises the errors of reading the releases. A model's error, or no answer at all, is a
    failed request.
    """
    golden = golden_of(session, {entry.release for entry in revision.variants.values()})
    name = session.environment.endpoint_name(endpoint)
    asker = Asker(session, name) if revision.asynchronous is None else _asynchronous(session, name, endpoint)
    several = len(revision.variants) > 1
    return tuple(
        GoldenReport(
            variant,
            entry.release,
            tuple(
                asker.judged(request, release=entry.release, variant=variant if several else None)
                for request in golden[entry.release]
            ),
        )
        for variant, entry in revision.variants.items()
    )


def _asynchronous(session: Session, name: str, endpoint: str) -> Asker:
    from glue.asking_async import AsyncAsker  # noqa: PLC0415 - it builds on this module

    return AsyncAsker(session, name, folder=names.async_prefix(endpoint))


def golden_of(session: Session, releases: set[str]) -> dict[str, Sequence[GoldenRequest]]:
    """Return the golden requests of releases that lie in the environment's store, by release."""
    from glue.releases import load_golden, load_release  # noqa: PLC0415 - boto3 is paid for by those who need it

    bucket = session.artifacts()
    return {release: load_golden(load_release(bucket, release)) for release in sorted(releases)}
