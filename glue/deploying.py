"""Makes a wanted revision live and proves it; on failure goes back to what was live before, and says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from glue import aborting, ringing
from glue.console import Console
from glue.core.audit import DONE, FAILED, PROMOTION, Intent
from glue.core.capacity import deploys, scales_in
from glue.core.failure import Failure, Known
from glue.core.names import abort_alarm
from glue.core.plan import PlanSummary
from glue.core.revision import Revisions
from glue.core.truth import Live, revision_in
from glue.deployed import Deployed
from glue.errors import RefusedError, SlipwayError
from glue.returning import Returning, look, remedy
from glue.stacks import Stacks
from glue.tf import revisions_file
from glue.tf.messages import AlreadyExistsError
from glue.tf.runner import Applied, Planned
from glue.tf.tfvars import Estate
from glue.verifying import Verified, verify
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.auditing import Trail
    from glue.aws.session import Session
    from glue.comparing import Comparer
    from glue.core.audit import Record
    from glue.core.watch import Verdict
    from glue.watching import Watch

Confirm = Callable[[Planned], bool]
Admit = Callable[[Planned, Intent], Mapping[str, str]]


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
        comparer: Comparer | None = None,
        asker: Session | None = None,
        trail: Trail | None = None,
        admit: Admit | None = None,
    ) -> None:
        self._admit = admit  # raises RefusedError for a plan that needs an approval and has none
        self._stacks = stacks
        self._estate = estate
        self._session = session
        self._console = console
        self._confirm = confirm
        self._watch = watch
        self._comparer = comparer
        self._asker = asker  # who may ask golden requests, where `session` may not
        self._trail = trail
        self._returning = Returning(stacks=stacks, estate=estate, session=session, console=console)

    def finish(self, stack: Stack) -> bool:
        """Complete the way back that a killed call began, and return whether there was one. Raises SlipwayError."""
        return self._returning.finish(stack)

    def deploy(
        self,
        stack: Stack,
        *,
        before: Revisions,
        after: Revisions,
        golden: bool = True,
        intent: Intent = PROMOTION,
        retry: bool = False,
    ) -> Deployed:
        """Make `after`, which the file already says, live.

        Until the apply begins, an error or a no puts the file back as it was. Afterwards, a failure moves `live` back
        to the revision that AWS served before, applies that, and is returned as the result. What is changed, the audit
        trail tells as `intent`. What SageMaker undid in an earlier call that was killed is not tried again, unless
        `retry`: it goes back as that call would have.
        """
        began = time.monotonic()
        _names(stack, after)
        try:
            # Terraform or a deployment of an earlier, killed call may be at work, and SageMaker takes one at a time.
            self._stacks.wait_held(stack)
            live = self._returning.settle(stack)
            self._reconcile(stack, live)
            known = self._returning.known(stack, live)
            served = self._before(stack, after, known)
            planned = self._stacks.plan_held(stack)
            undone = (
                None if retry else self._returning.undone(stack, after, live, held_config=planned.summary.held_config)
            )
            facts: Mapping[str, str] = {}
            if undone is None:
                self._refuse_alarms(stack, planned.summary, after, live)
                facts = self._admit(planned, intent) if self._admit is not None and planned.changes else {}
                self._ask(planned)
        except SlipwayError:
            self._restore(stack, before, after)
            raise
        run = _Run(stack, before, after, served, known, golden, intent, began, self._apply)
        begun = self._begin(planned, after, served=served, intent=intent, facts=facts)
        endpoint, wanted = _names(stack, after)
        result = Deployed(endpoint, wanted, planned.changes, planned.summary, None, 0.0, planned.text)
        result = self._carry_out(run, result, live) if undone is None else self._undo(run, result, undone)
        if self._trail is not None and begun is not None:
            outcome = FAILED if result.exit_code else DONE
            self._trail.end(begun, outcome=outcome, reason=result.failure, returned_to=result.returned_to)
        return result

    def apply_saved(self, stack: Stack) -> tuple[Applied, Verified | None]:
        """Apply the saved plan of a stack, and prove it: exactly this plan, but nothing that SageMaker undid before.

        A plan that moves `live` to other releases is watched, and golden requests are asked, as by `deploy`, when there
        is an `asker`: that proof is returned. Raises RefusedError when nothing was applied, SlipwayError when it
        failed, after it went back as `deploy` does.
        """
        began = time.monotonic()
        after = self._estate.revisions(stack.environment.name, stack.endpoint or "")
        planned = self._stacks.saved(stack)
        if after.live is None or planned is None:
            return self._apply_as_it_is(stack, after), None
        if planned.live is not None and planned.live.revision != after.live:
            raise RefusedError(
                f"the saved plan makes {planned.live.revision} live, and the revisions file says {after.live} by now",
                remedy=f"Plan again, and look at the plan: {stack.make('plan')}",
            )
        self._stacks.wait_held(stack)
        live = self._returning.settle(stack)
        known = self._returning.known(stack, live)
        undone = self._returning.undone(stack, after, live, held_config=planned.held_config)
        if undone is None:
            self._refuse_alarms(stack, planned, after, live)
        served = self._before(stack, after, known)
        golden = undone is None and self._asks(stack, after, served)
        run = _Run(stack, after, after, served, known, golden, Intent("apply"), began, self._apply_exactly)
        result = Deployed(stack.endpoint or "", after.live, True, planned, None, 0.0)
        result = self._carry_out(run, result, live) if undone is None else self._undo(run, result, undone)
        if result.failure is not None:
            raise SlipwayError(f"{result.endpoint}: {result.failed_text}", remedy=result.remedy)
        return Applied(stack, planned, changed=True, seconds=result.seconds), result.verified if golden else None

    def _apply_as_it_is(self, stack: Stack, after: Revisions) -> Applied:
        """Apply what deploys no revision, and prove it where one is live. Raises SlipwayError; there is no way back."""
        applied = self._stacks.apply_held(stack)
        wrong = () if after.live is None else self._prove(stack, after, golden=False).failures
        if wrong:
            raise SlipwayError("; ".join(wrong), remedy=look(stack))
        return applied

    def _asks(self, stack: Stack, after: Revisions, served: str | None) -> bool:
        """Tell whether golden requests are asked of a saved plan: when it moves `live`, by who may ask."""
        if after.live in {None, served}:
            return False
        if self._asker is None:
            where = stack.environment
            self._console.warn(
                f"nobody watches this deployment, and no golden request is asked: that needs {where.promote_role_arn}\n"
                f"  Then: slipway verify --env {where.name} --endpoint {stack.endpoint}",
                of=stack.label,
            )
        return self._asker is not None

    def _undo(self, run: _Run, result: Deployed, undone: str) -> Deployed:
        """Go back because an earlier, killed call's deployment was undone, and nothing is applied now."""
        return self._go_back(run, replace(result, changed=False), Failure(undone, of_revision=True))

    def _carry_out(self, run: _Run, result: Deployed, live: Live) -> Deployed:
        stack, after = run.stack, run.after
        result = replace(result, scales_in=self._warn_of_fewer(stack, result.plan, after, live))
        failure, comparing = None, None
        if result.changed:
            earlier = _earlier(run.before, after, run.served)
            comparing = self._comparer.before(stack, earlier, after) if self._comparer and run.golden else None
            failure, watched = self._apply_watched(run, earlier)
            result = replace(result, watched=watched)
        verified = self._prove(stack, after, golden=run.golden) if failure is None else None
        result = replace(result, verified=verified, seconds=time.monotonic() - run.began)
        if failure is None and verified is not None and verified.failures:
            failure = Failure("; ".join(verified.failures), of_revision=True)
        if failure is None:
            report = self._comparer.after(comparing, stack) if self._comparer and comparing else None
            return replace(result, comparison=report)
        if not result.changed:
            # Nothing was changed now: what is wrong has been wrong before, and no earlier revision is the cure.
            code = verified.exit_code if verified else 1
            return replace(result, failure=failure.cause, remedy=look(stack), exit_code=code)
        return self._go_back(run, result, failure)

    def _reconcile(self, stack: Stack, live: Live) -> None:
        """End what killed calls began here: nothing is under way, and the caller holds the lock."""
        if self._trail is not None and stack.endpoint is not None:
            name = stack.environment.endpoint_name(stack.endpoint)
            self._trail.reconcile(
                stack.endpoint, served=revision_in(live.endpoint.config, name) if live.endpoint else None
            )

    def _begin(
        self, planned: Planned, after: Revisions, *, served: str | None, intent: Intent, facts: Mapping[str, str]
    ) -> Record | None:
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
            details=facts,
        )

    def _ask(self, planned: Planned) -> None:
        if planned.changes:
            self._console.step(f"Plan: {planned.summary.text}", of=planned.stack.label)
            for change in planned.summary.changes:
                self._console.say(f"    {change.what:<8} {change.address}", of=planned.stack.label)
        if planned.changes and self._confirm is not None and not self._confirm(planned):
            raise RefusedError(f"{planned.stack.label}: not applied, because the answer was no")

    def _apply_watched(self, run: _Run, earlier: Revisions) -> tuple[Failure | None, Verdict | None]:
        """Apply while golden requests are asked of the new release. What they found is a failure, however it ended."""
        stack, since = run.stack, datetime.now(UTC)
        if self._watch is None or not run.golden:
            return self._failure(run, run.apply(stack), since, None), None
        with self._watch.during(stack, earlier, run.after) as watched:
            error = run.apply(stack)
        verdict = watched.verdict
        return self._failure(run, error, since, verdict.reason if verdict.failed else None), verdict

    def _failure(self, run: _Run, error: SlipwayError | None, since: datetime, told: str | None) -> Failure | None:
        """Return why an apply failed. What only Terraform lost track of is completed, once."""
        endpoint, wanted = _names(run.stack, run.after)
        if error is not None and told is None:
            told = aborting.reason_of(self._session, endpoint, revision=wanted, since=since)
        found = self._returning.failure(run.stack, wanted, before=run.known, error=error, told=told)
        if found is None or not found.of_revision or told is not None or error is None:
            return found
        if not self._returning.arrived(run.stack, wanted):
            return found
        self._console.warn(f"{found.cause}\n{wanted} is live all the same; completing the apply.", of=run.stack.label)
        try:
            if self._stacks.plan_held(run.stack).changes:
                self._stacks.apply_held(run.stack)
        except SlipwayError as again:
            return Failure(again.message.rstrip("."), of_revision=True)
        return None

    def _apply(self, stack: Stack) -> SlipwayError | None:
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
        return None

    def _apply_exactly(self, stack: Stack) -> SlipwayError | None:
        """Apply the plan that was looked at and no other, and return the error if it failed. Raises RefusedError."""
        try:
            self._stacks.apply_held(stack)
        except RefusedError:
            raise
        except SlipwayError as error:
            return error
        return None

    def _prove(self, stack: Stack, wanted: Revisions, *, golden: bool) -> Verified:
        endpoint, _ = _names(stack, wanted)
        self._settle(stack)
        settings = self._estate.endpoint(stack.environment.name, endpoint)
        session = self._asker if golden and self._asker is not None else self._session
        found = verify(session, endpoint, wanted, golden=golden, settings=settings)
        asked = sum(len(report.results) for report in found.golden)
        self._console.step(f"Truth check: {found.truth.state}; {asked} golden requests asked", of=stack.label)
        return found

    def _go_back(self, run: _Run, result: Deployed, failure: Failure) -> Deployed:
        returned = self._returning.back(
            run.stack, run.after, failure, to=run.served, was_returning=run.before.returning
        )
        problem = f". {returned.problem}" if returned.problem else ""
        return replace(
            result,
            failure=f"{failure.cause}{problem}",
            remedy=remedy(run.stack, run.after, returned, action=run.intent.action, file=self._file(run.stack)),
            returned_to=returned.to,
            marked=returned.marked,
            plan_empty=returned.plan_empty,
            exit_code=1,
            seconds=time.monotonic() - run.began,
        )

    def _warn_of_fewer(
        self, stack: Stack, plan: PlanSummary, after: Revisions, live: Live
    ) -> dict[str, tuple[int, int]]:
        """Return where the plan scales in, and warn of it."""
        fewer = scales_in(plan, after, live.counts)
        for variant, (now, then) in fewer.items():
            self._console.warn(f"variant {variant} goes from {now} to {then} instances", of=stack.label)
        return fewer

    def _refuse_alarms(self, stack: Stack, plan: PlanSummary, after: Revisions, live: Live) -> None:
        """Raise RefusedError for alarms that ring. A way back listens to the abort alarm only, and waits for it."""
        if not after.returning:
            ringing.refuse(self._session, stack, plan, live)
        elif live.endpoint is not None and deploys(plan):
            self._returning.quiet(stack, [abort_alarm(live.endpoint.name)])

    def _settle(self, stack: Stack) -> Live:
        return self._returning.settle(stack)

    def _before(self, stack: Stack, after: Revisions, known: Known) -> str | None:
        """Return the revision to go back to: what AWS serves now, or what a killed call of this deployment replaced."""
        live = after.live_revision
        if known.served == after.live and live is not None and self._stacks.unclean(stack):
            return live.replaces
        return known.served

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


@dataclass(frozen=True)
class _Run:
    """One deployment: what was asked, what AWS said before it, and how it is applied."""

    stack: Stack
    before: Revisions
    after: Revisions
    served: str | None
    known: Known
    golden: bool
    intent: Intent
    began: float
    apply: Callable[[Stack], SlipwayError | None]


def _earlier(before: Revisions, after: Revisions, served: str | None) -> Revisions:
    """Return the revisions with what AWS serves as the live one; none when no file knows it."""
    found = replace(after if served in after.revisions else before, live=served)
    return found if served in found.revisions else replace(found, live=None)


def _names(stack: Stack, revisions: Revisions) -> tuple[str, str]:
    if stack.endpoint is None or revisions.live is None:
        raise ValueError("only an endpoint with a live revision is deployed")
    return stack.endpoint, revisions.live
