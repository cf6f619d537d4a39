"""Makes a wanted revision live and proves it; on failure goes back to what was live before, and says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from glue import aborting
from glue import live as reading
from glue.console import Console
from glue.core.audit import DONE, FAILED, PROMOTION, Intent
from glue.core.plan import PlanSummary
from glue.core.revision import Revisions
from glue.core.truth import Live, revision_in
from glue.errors import RefusedError, SlipwayError
from glue.stacks import Stacks
from glue.tf import revisions_file
from glue.tf.messages import AlreadyExistsError
from glue.tf.runner import Planned
from glue.tf.tfvars import Estate
from glue.verifying import Verified, verify
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.auditing import Trail
    from glue.aws.session import Session
    from glue.core.audit import Record
    from glue.core.watch import Verdict
    from glue.watching import Watch

Confirm = Callable[[Planned], bool]


@dataclass(frozen=True)
class Deployed:
    """How a deployment ended. `returned_to` is the revision it went back to; `failure` says why it failed."""

    endpoint: str
    revision: str
    changed: bool
    plan: PlanSummary
    verified: Verified | None
    seconds: float
    plan_text: str = ""
    failure: str | None = None
    returned_to: str | None = None
    exit_code: int = 0
    watched: Verdict | None = None


class Deployer:
    """Plans, applies and proves one endpoint. The caller holds the endpoint's lock."""

    def __init__(
        self,
        *,
        stacks: Stacks,
        estate: Estate,
        session: Session,
        console: Console,
        confirm: Confirm | None = None,
        watch: Watch | None = None,
        trail: Trail | None = None,
    ) -> None:
        self._stacks = stacks
        self._estate = estate
        self._session = session
        self._console = console
        self._confirm = confirm
        self._watch = watch
        self._trail = trail

    def deploy(
        self, stack: Stack, *, before: Revisions, after: Revisions, golden: bool = True, intent: Intent = PROMOTION
    ) -> Deployed:
        """Make `after`, which the file already says, live.

        Until the apply begins, an error or a no puts the file back as it was. Afterwards, a failure moves `live` back
        to the revision that AWS served before, applies that, and is returned as the result. What is changed, the audit
        trail tells as `intent`.
        """
        began = time.monotonic()
        _names(stack, after)
        try:
            # A deployment of an earlier, killed call may be under way, and SageMaker takes one at a time.
            self._reconcile(stack, self._settle(stack))
            served = self._before(stack, after)
            planned = self._stacks.plan_held(stack)
            self._ask(planned)
        except SlipwayError:
            self._restore(stack, before, after)
            raise
        begun = self._begin(planned, after, served=served, intent=intent)
        result = self._carry_out(stack, planned, before, after, served=served, golden=golden, began=began)
        if self._trail is not None and begun is not None:
            outcome = FAILED if result.exit_code else DONE
            self._trail.end(begun, outcome=outcome, reason=result.failure, returned_to=result.returned_to)
        return result

    def _carry_out(
        self,
        stack: Stack,
        planned: Planned,
        before: Revisions,
        after: Revisions,
        *,
        served: str | None,
        golden: bool,
        began: float,
    ) -> Deployed:
        endpoint, wanted = _names(stack, after)
        result = Deployed(endpoint, wanted, planned.changes, planned.summary, None, 0.0, planned.text)
        failure = None
        if planned.changes:
            before = after.move(served) if served and served in after.revisions else replace(before, live=None)
            failure, watched = self._apply_watched(stack, planned, before, after, golden=golden)
            result = replace(result, watched=watched)
        verified = self._prove(stack, after, golden=golden) if failure is None else None
        problem = failure.message if failure else "; ".join(verified.failures) if verified else ""
        result = replace(result, verified=verified, seconds=time.monotonic() - began)
        if not problem:
            return result
        if not planned.changes:
            # Nothing was changed now: what is wrong has been wrong before, and no earlier revision is the cure.
            return replace(result, failure=problem, exit_code=verified.exit_code if verified else 1)
        return self._go_back(stack, result, after, served=served, problem=problem, began=began)

    def _reconcile(self, stack: Stack, live: Live) -> None:
        """End what killed calls began here: nothing is under way, and the caller holds the lock."""
        if self._trail is not None and stack.endpoint is not None:
            name = stack.environment.endpoint_name(stack.endpoint)
            self._trail.reconcile(
                stack.endpoint, served=revision_in(live.endpoint.config, name) if live.endpoint else None
            )

    def _begin(self, planned: Planned, after: Revisions, *, served: str | None, intent: Intent) -> Record | None:
        """Record what is about to be changed; a plan without changes leaves no record."""
        endpoint, wanted = _names(planned.stack, after)
        if self._trail is None or not planned.changes:
            return None
        releases = after.revisions[wanted].releases
        return self._trail.begin(
            action=intent.action,
            endpoint=endpoint,
            source=served,
            to=wanted,
            releases=releases,
            why=intent.why,
            plan=planned.summary.digest,
        )

    def _ask(self, planned: Planned) -> None:
        if planned.changes:
            self._console.step(f"Plan: {planned.summary.text}", of=planned.stack.label)
            for change in planned.summary.changes:
                self._console.say(f"    {change.what:<8} {change.address}", of=planned.stack.label)
        if planned.changes and self._confirm is not None and not self._confirm(planned):
            raise RefusedError(f"{planned.stack.label}: not applied, because the answer was no")

    def _apply_watched(
        self, stack: Stack, planned: Planned, before: Revisions, after: Revisions, *, golden: bool
    ) -> tuple[SlipwayError | None, Verdict | None]:
        """Apply while golden requests are asked of the new release. What they found is a failure, however it ended."""
        since = datetime.now(UTC)
        if self._watch is None or not golden:
            return self._explained(stack, after, self._apply(stack, planned), since), None
        with self._watch.during(stack, before, after) as watched:
            failure = self._apply(stack, planned)
        verdict = watched.verdict
        if not verdict.failed:
            return self._explained(stack, after, failure, since), verdict
        ended = f" ({failure.message})" if failure else ""
        return SlipwayError(f"{verdict.reason}{ended}"), verdict

    def _explained(
        self, stack: Stack, after: Revisions, failure: SlipwayError | None, since: datetime
    ) -> SlipwayError | None:
        """Return the failure with the reason of whoever aborted the deployment, if somebody did."""
        if failure is None:
            return None
        endpoint, wanted = _names(stack, after)
        why = aborting.reason_of(self._session, endpoint, revision=wanted, since=since)
        return SlipwayError(f"{why} ({failure.message})", remedy=failure.remedy) if why else failure

    def _apply(self, stack: Stack, planned: Planned) -> SlipwayError | None:
        """Apply, and return the error if it failed. What exists since an earlier, killed run is adopted once."""
        try:
            self._stacks.apply_held(stack)
        except AlreadyExistsError as error:
            self._console.warn(error.message, of=stack.label)
            try:
                if self._stacks.plan_held(stack).changes:
                    self._stacks.apply_held(stack)
            except SlipwayError as again:
                return again
        except SlipwayError as error:
            return error
        del planned
        return None

    def _prove(self, stack: Stack, wanted: Revisions, *, golden: bool) -> Verified:
        endpoint, _ = _names(stack, wanted)
        self._settle(stack)
        found = verify(self._session, endpoint, wanted, golden=golden)
        asked = sum(len(report.results) for report in found.golden)
        self._console.step(f"Truth check: {found.truth.state}; {asked} golden requests asked", of=stack.label)
        return found

    def _go_back(
        self, stack: Stack, result: Deployed, after: Revisions, *, served: str | None, problem: str, began: float
    ) -> Deployed:
        failed = replace(result, failure=problem, exit_code=1)
        if served is None or served == after.live or served not in after.revisions:
            self._console.warn(f"{problem}\nThere is no earlier revision to go back to.", of=stack.label)
            return replace(failed, seconds=time.monotonic() - began)
        self._console.warn(f"{problem}\nGoing back to {served}.", of=stack.label)
        back = after.move(served)
        try:
            self._settle(stack)
            revisions_file.save(self._file(stack), back)
            if self._stacks.plan_held(stack).changes:
                self._stacks.apply_held(stack)
            proof = self._prove(stack, back, golden=False)
        except SlipwayError as error:
            failed = replace(failed, failure=f"{problem}. Going back to {served} failed too: {error.message}")
            return replace(failed, seconds=time.monotonic() - began)
        if proof.truth.state != "true":
            reasons = "; ".join(proof.truth.reasons)
            failed = replace(failed, failure=f"{problem}. Going back to {served} failed too: {reasons}")
        else:
            failed = replace(failed, returned_to=served)
        return replace(failed, seconds=time.monotonic() - began)

    def _settle(self, stack: Stack) -> Live:
        name = stack.environment.endpoint_name(stack.endpoint or "")
        return reading.settled(
            self._session.sagemaker, name, progress=lambda text: self._console.say(text, of=stack.label)
        )

    def _before(self, stack: Stack, after: Revisions) -> str | None:
        """Return the revision to go back to: what AWS serves now, or what a killed call of this deployment replaced."""
        name = stack.environment.endpoint_name(stack.endpoint or "")
        state = self._session.sagemaker.endpoint(name)
        served = revision_in(state.config, name) if state else None
        live = after.live_revision
        if served == after.live and live is not None and self._stacks.unclean(stack):
            return live.replaces
        return served

    def _file(self, stack: Stack) -> Path:
        return self._estate.revisions_file(stack.environment.name, stack.endpoint or "")

    def _restore(self, stack: Stack, before: Revisions, after: Revisions) -> None:
        """Put the revisions file back as it was before it named the revision that could not be planned."""
        if before == after:
            return
        path = self._file(stack)
        if before.revisions:
            revisions_file.save(path, before)
        else:
            path.unlink(missing_ok=True)
        self._console.say(f"{path.name} is as it was before", of=stack.label)


def _names(stack: Stack, revisions: Revisions) -> tuple[str, str]:
    if stack.endpoint is None or revisions.live is None:
        raise ValueError("only an endpoint with a live revision is deployed")
    return stack.endpoint, revisions.live
