"""Asks golden requests while a deployment shifts traffic, and aborts it when the new release answers wrongly.

Terraform holds the state lock and waits meanwhile, so this works beside it, in a thread, and without Terraform.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glue import aborting
from glue.console import Console
from glue.core.revision import Revision, Revisions
from glue.core.truth import revision_in
from glue.core.watch import Ledger, Question, Reply, Verdict, changed_variants, questions, release_in, release_in_error
from glue.errors import AccessDeniedError, SlipwayError
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.aws.session import Session


@dataclass(frozen=True)
class Pace:
    """How often it asks, in seconds: a few requests a second at first, fewer once traffic has had its time."""

    look_s: float = 2.0  # between two looks at the endpoint
    ask_s: float = 0.2  # between two golden requests
    slow_ask_s: float = 1.0
    slow_after: int = 300  # requests
    back_off_s: float = 5.0  # after throttling
    give_up: int = 20  # failed requests in a row that nobody can be blamed for
    leave_s: float = 5.0  # for the request that is under way when the deployment ends


@dataclass
class Watched:
    """What becomes of a watch; the verdict is final when the deployment's apply has ended."""

    verdict: Verdict = field(default_factory=lambda: Verdict("skipped", "nothing was deployed"))


class Watch:
    """Watches the deployments of one environment."""

    def __init__(self, session: Session, *, console: Console, pace: Pace | None = None) -> None:
        self._session = session
        self._console = console
        self._pace = pace or Pace()

    @contextmanager
    def during(self, stack: Stack, before: Revisions, after: Revisions) -> Iterator[Watched]:
        """Ask golden requests for the length of the block, in which `after` takes the place of `before`.

        `before.live` is what serves now, None before the first deployment. Whatever goes wrong in here is said in the
        verdict, and never breaks the deployment.
        """
        watched = Watched()
        asking = self._prepared(stack, before.live_revision, after, watched)
        if asking is None:
            yield watched
            return
        thread = threading.Thread(target=asking.run, name=f"watch {stack.label}", daemon=True)
        thread.start()
        try:
            yield watched
        finally:
            asking.stop.set()
            thread.join(self._pace.leave_s)
            watched.verdict = asking.verdict
            self._tell(watched.verdict, stack)

    def _prepared(self, stack: Stack, before: Revision | None, after: Revisions, watched: Watched) -> Asking | None:
        """Return what asks, None with the reason in the verdict when there is nothing to ask."""
        wanted = after.live_revision
        if wanted is None or after.live is None or stack.endpoint is None:
            return None
        unfit = _unfit(after, wanted)
        if unfit is not None:
            watched.verdict = Verdict("skipped", unfit)
            return None
        try:
            asked = self._questions(before, wanted)
        except SlipwayError as error:
            watched.verdict = Verdict("skipped", error.message)
            return None
        if not asked:
            first = "it is the first deployment" if before is None else None
            watched.verdict = Verdict("skipped", first or "no variant gets another release with golden requests")
            return None
        name = stack.environment.endpoint_name(stack.endpoint)
        target = len(wanted.variants) > 1
        return Asking(self._session, name, after.live, asked, target=target, pace=self._pace, said=self._say(stack))

    def _questions(self, before: Revision | None, wanted: Revision) -> list[Question]:
        from glue.releases import load_golden, load_release  # noqa: PLC0415 - boto3 is paid for by those who need it

        variants = changed_variants(before, wanted)
        bucket = self._session.artifacts() if variants else None
        golden = {one: load_golden(load_release(bucket, one)) for one in set(variants.values())} if bucket else {}
        return questions(variants, golden)

    def _say(self, stack: Stack) -> Callable[[str], None]:
        return lambda text: self._console.say(text, of=stack.label)

    def _tell(self, verdict: Verdict, stack: Stack) -> None:
        if verdict.failed:
            self._console.warn(f"Watch: {verdict.reason}", of=stack.label)
        elif verdict.state == "passed":
            counts = f"{verdict.answered} of {verdict.asked} golden requests"
            self._console.step(f"Watch: the new release answered {counts}, as it promised", of=stack.label)
        else:
            self._console.say(f"Watch: {verdict.reason}; the requests after the deployment count", of=stack.label)


def _unfit(after: Revisions, wanted: Revision) -> str | None:
    """Return why a deployment is not watched, None when it can be."""
    if after.returning:
        return "it is a way back"
    if wanted.asynchronous is not None:
        return "answers in S3 do not say which release gave them"
    if all(variant.serverless is not None for variant in wanted.variants.values()):
        # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
        return "SageMaker moves serverless variants in one step"
    return None


class Asking:
    """One watch at work. `run` is the thread's; `stop` ends it, and `verdict` may be read at any time."""

    def __init__(
        self,
        session: Session,
        endpoint: str,
        revision: str,
        asked: list[Question],
        *,
        target: bool,
        pace: Pace,
        said: Callable[[str], None],
        wait: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.stop = threading.Event()
        self._session, self._endpoint, self._revision = session, endpoint, revision
        self._ledger = Ledger(deque(asked))
        self._target, self._pace, self._said = target, pace, said
        self._wait, self._clock = wait or self.stop.wait, clock
        self._aborted = False
        self._ended: str | None = None
        self._in_a_row = 0

    @property
    def verdict(self) -> Verdict:
        """What it has come to so far."""
        return self._ledger.verdict(aborted=self._aborted, ended=self._ended)

    def run(self) -> None:
        """Wait until traffic shifts, ask until all is answered or it ends, and abort on a failure. Never raises."""
        try:
            # Autoscaling may be at work first: the endpoint is Updating then, too.
            while self._shifting() and not self._ask_all():
                pass
            if self._ledger.failure is not None and not self.stop.is_set():
                self._abort()
        except SlipwayError as error:
            self._ended = error.message
        except Exception as error:  # noqa: BLE001 - a watch that breaks must not break the deployment
            self._ended = f"the watch broke: {type(error).__name__}: {error}"

    def _shifting(self) -> bool:
        """Wait until SageMaker deploys the revision. Return false when the block ended before."""
        while not self._deploys():
            if self._wait(self._pace.look_s):
                return False
        return True

    def _deploys(self) -> bool:
        """Tell whether this very deployment is under way.

        While weights or instance counts change, the endpoint is Updating as well, but no deployment is pending
        (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html).
        """
        state = self._session.sagemaker.endpoint(self._endpoint)
        if state is None or state.status != "Updating" or state.pending_config is None:
            return False
        return revision_in(state.pending_config, self._endpoint) == self._revision

    def _ask_all(self) -> bool:
        """Ask while the deployment is under way. Return whether there is nothing more to ask, or no use in it."""
        looked = self._clock()
        while not self._ledger.over:
            self._ask(self._ledger.next)
            if self._wait(self._pause()):
                return True
            if self._in_a_row >= self._pace.give_up:
                self._ended = self._ended or "no golden request was answered"
                return True
            if self._clock() - looked >= self._pace.look_s:
                looked = self._clock()
                if not self._deploys():
                    return False
        return True

    def _pause(self) -> float:
        if self._in_a_row:
            return self._pace.back_off_s
        return self._pace.ask_s if self._ledger.asked < self._pace.slow_after else self._pace.slow_ask_s

    def _ask(self, question: Question) -> None:
        from glue.aws.runtime import ModelError  # noqa: PLC0415 - boto3 is paid for by those who need it

        request, began = question.request, self._clock()
        variant = question.variant if self._target else None
        try:
            answer = self._session.runtime.invoke(
                self._endpoint, request.body, content_type=request.content_type, accept=request.accept, variant=variant
            )
        except ModelError as error:
            self._in_a_row = 0
            took = (self._clock() - began) * 1000
            self._ledger.take(Reply(release_in_error(error.said), took, status=error.status, said=error.said))
        except AccessDeniedError:
            raise
        except SlipwayError as error:
            self._in_a_row += 1
            self._ended = error.message if self._in_a_row >= self._pace.give_up else None
            self._ledger.unanswered()
        else:
            self._in_a_row = 0
            took = (self._clock() - began) * 1000
            self._ledger.take(
                Reply(release_in(answer.attributes), took, body=answer.body, retried=bool(answer.retries))
            )

    def _abort(self) -> None:
        failure = self._ledger.failure
        self._said(f"Watch: {failure.text if failure else ''}. Aborting the deployment.")
        status = aborting.ring(self._session, self._endpoint, wait=self._wait, clock=self._clock)
        self._aborted = status == "RollingBack"
