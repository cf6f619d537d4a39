"""The way back after a deployment that failed: why it failed, `live` moved back in the file, applied and proven."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from glue import live as reading
from glue import surrounding
from glue.console import Console
from glue.core import failure as judging
from glue.core.audit import Record
from glue.core.capacity import guards_in
from glue.core.failure import Failure, Known
from glue.core.revision import Revisions
from glue.core.serving import EndpointSettings
from glue.core.surroundings import Alarm, Surroundings
from glue.core.truth import IN_SERVICE, Live, revision_in
from glue.errors import AccessDeniedError, SlipwayError
from glue.stacks import Stacks
from glue.tf import revisions_file
from glue.tf.messages import RolledBackError
from glue.tf.tfvars import Estate
from glue.verifying import truth_of
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.aws.session import Session


# Longer than the evaluation range of an alarm with periods of 10 seconds, and of one with periods of a minute
_QUIET_TRIES, _QUIET_EVERY_S = 60, 5.0
_RECORDS = 10  # the newest, to find out what a killed call was doing


@dataclass(frozen=True)
class Returned:
    """How the way back ended. `to` None: it went nowhere, and `problem` says why; `marked`: the failure is noted."""

    to: str | None
    marked: bool = False
    plan_empty: bool | None = None
    problem: str | None = None


def now() -> str:
    """Return the time as remarks have it: RFC 3339, UTC, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Returning:
    """Finds out why a deployment failed, and goes back. The caller holds the endpoint's lock."""

    def __init__(
        self,
        *,
        stacks: Stacks,
        estate: Estate,
        session: Session,
        console: Console,
        clock: Callable[[], str] = now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stacks = stacks
        self._estate = estate
        self._session = session
        self._console = console
        self._clock = clock
        self._sleep = sleep

    def settle(self, stack: Stack) -> Live:
        """Return what is live once AWS is done with it."""
        return reading.settled(
            self._session.sagemaker, _name(stack), progress=lambda text: self._console.say(text, of=stack.label)
        )

    def known(self, stack: Stack, live: Live) -> Known:
        """Return what AWS says of an endpoint before it is changed."""
        return judging.known(_name(stack), live, Surroundings(**surrounding.guards(self._session, live)))

    def undone(self, stack: Stack, revisions: Revisions, live: Live, *, held_config: str | None) -> str | None:
        """Return why what the file says was undone by an earlier call that was killed; None if it was not."""
        return undone(self._session, stack, revisions, live, held_config=held_config)

    def failure(
        self, stack: Stack, wanted: str, *, before: Known, error: SlipwayError | None, told: str | None
    ) -> Failure | None:
        """Return why the apply of a revision failed; None when it did not, and the revision is live.

        `error` is what Terraform's failure came to, `told` what somebody else said who ended the deployment.
        """
        live = self.settle(stack)
        prefix = f"{_name(stack)}-{wanted}-"
        applied = error is None or isinstance(error, RolledBackError)
        undone = judging.rolled_back(before, live, wanted_config=prefix, applied=applied)
        if undone and live.endpoint is not None:
            rang = self._rang(live, before)
            reason = judging.fresh(live.endpoint.failure, before=before.reason, rang=rang)
            text = judging.in_words(wanted, reason, rang)
            return Failure(f"{told}. {text}" if told else text, of_revision=True)
        if told is not None:
            return Failure(told, of_revision=True)
        if error is None:
            return None
        arrived = live.endpoint is not None and live.endpoint.config.startswith(prefix)
        return Failure(error.message.rstrip("."), of_revision=arrived)

    def arrived(self, stack: Stack, wanted: str) -> bool:
        """Tell whether AWS serves a revision, and is at rest."""
        state = self._session.sagemaker.endpoint(_name(stack))
        return state is not None and state.status == IN_SERVICE and state.config.startswith(f"{_name(stack)}-{wanted}-")

    def quiet(self, stack: Stack, names: Sequence[str]) -> None:
        """Wait until none of these alarms rings: one that does would undo the way back at once, too.

        The datum that aborts a deployment keeps its alarm red for a while: CloudWatch looks at more than one period.
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        """
        for _ in range(_QUIET_TRIES):
            ringing = [alarm.name for alarm in self._session.cloudwatch.alarms(names).values() if alarm.rings]
            if not ringing:
                return
            self._console.say(f"waiting until {', '.join(ringing)} is quiet", of=stack.label)
            self._sleep(_QUIET_EVERY_S)

    def _rang(self, live: Live, before: Known) -> tuple[Alarm, ...]:
        try:
            return surrounding.rang(self._session, live, since=before.alarms_since)
        except SlipwayError as error:  # what is known by now must be acted on all the same
            self._console.warn(f"the history of the rollback alarms cannot be read: {error.message}")
            return ()

    def back(
        self, stack: Stack, after: Revisions, failure: Failure, *, to: str | None, was_returning: bool = False
    ) -> Returned:
        """Move `live` back to a revision, mark the one that failed, apply that at once, and prove it."""
        wanted = after.live
        if wanted is None or to is None or to == wanted or to not in after.revisions:
            self._console.warn(f"{failure.cause}\nThere is no earlier revision to go back to.", of=stack.label)
            return Returned(None)
        self._console.warn(f"{failure.cause}\nGoing back to {to}.", of=stack.label)
        target = after.back(to)
        if failure.of_revision:
            target = target.fail(wanted, reason=f"{self._clock()} {failure.cause}")
        returned = Returned(None, marked=failure.of_revision)
        try:
            live = self.settle(stack)
            served = revision_in(live.endpoint.config, _name(stack)) if live.endpoint else None
            if served == to:
                # AWS is there already: another way of deploying would only deploy the same once more
                target = replace(target, returning=was_returning and not failure.of_revision)
            self._begun(stack).write_text(to, encoding="utf-8")
            revisions_file.save(self._file(stack), target)
            return replace(returned, to=to, plan_empty=self._apply(stack, target))
        except SlipwayError as error:
            return replace(returned, problem=f"Going back to {to} failed too: {error.message}")

    def finish(self, stack: Stack) -> bool:
        """Complete the way back that a killed call began, and return whether there was one.

        The file is as it should be then; what is missing is the apply. Raises SlipwayError when it fails.
        """
        revisions = self._estate.revisions(stack.environment.name, stack.endpoint or "")
        begun = self._begun(stack)
        if not begun.exists():
            return False
        if begun.read_text(encoding="utf-8") != revisions.live:  # killed before the file was written, or overtaken
            begun.unlink()
            return False
        self._console.warn(f"an earlier call was on its way back to {revisions.live}; completing that", of=stack.label)
        self._stacks.wait_held(stack)
        self.settle(stack)
        self._apply(stack, revisions)
        return True

    def _apply(self, stack: Stack, wanted: Revisions) -> bool:
        """Apply what the file says, prove it, and return whether the next plan is empty. Raises SlipwayError."""
        planned = self._stacks.plan_held(stack)
        if planned.changes:
            self.quiet(stack, guards_in(planned.summary))
            self._stacks.apply_held(stack)
        self.settle(stack)
        # an alarm of what was live before may ring for a while
        truth = truth_of(self._session, stack.endpoint or "", wanted, settings=self._settings(stack), alarms=False)
        self._console.step(f"Truth check: {truth.state}; {truth.live_revision or 'nothing'} is live", of=stack.label)
        if truth.state != "true":
            raise SlipwayError("; ".join(truth.reasons))
        self._begun(stack).unlink(missing_ok=True)
        return not planned.changes or not self._stacks.plan_held(stack).changes

    def _begun(self, stack: Stack) -> Path:
        """Return the note that a way back is under way: a call that is killed leaves it to the next one."""
        path = self._stacks.records(stack) / "way-back"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _settings(self, stack: Stack) -> EndpointSettings:
        return self._estate.endpoint(stack.environment.name, stack.endpoint or "")

    def _file(self, stack: Stack) -> Path:
        return self._estate.revisions_file(stack.environment.name, stack.endpoint or "")


def undone(session: Session, stack: Stack, revisions: Revisions, live: Live, *, held_config: str | None) -> str | None:
    """Return why what the file says was undone by an earlier call that was killed; None if it was not.

    More than the endpoint is asked for only when SageMaker gives a reason and another revision is served.
    """
    name, wanted, state = _name(stack), revisions.live, live.endpoint
    made = interrupted = False
    if wanted is not None and state is not None and state.failure and revision_in(state.config, name) != wanted:
        made = _made(session, f"{name}-{wanted}-", until=state.modified)
        interrupted = judging.was_interrupted(_recorded(session, stack), wanted, modified=state.modified)
    return judging.undone_earlier(
        name, revisions, live, held_config=held_config, was_made=made, interrupted=interrupted
    )


def _made(session: Session, prefix: str, *, until: str) -> bool:
    """Tell whether a revision's config existed when the endpoint changed last: else its reason is of another revision.

    False also for a role that may not list configs.
    """
    try:
        return bool(session.sagemaker.config_names(prefix, until=until))
    except AccessDeniedError:
        return False


def _recorded(session: Session, stack: Stack) -> list[Record]:
    """Return the newest audit records of an endpoint; none when they cannot be read: there is other evidence."""
    from glue import auditing  # noqa: PLC0415 - boto3 is paid for by those who need it

    try:
        kept = auditing.records(session, stack.endpoint, limit=_RECORDS)
    except SlipwayError:
        return []
    return [entry for entry, _ in kept if isinstance(entry, Record)]


def _name(stack: Stack) -> str:
    return stack.environment.endpoint_name(stack.endpoint or "")


def look(stack: Stack) -> str:
    """Return the command that shows what is live."""
    return f"slipway verify --env {stack.environment.name} --endpoint {stack.endpoint} tells more."


def remedy(stack: Stack, after: Revisions, returned: Returned, *, action: str, file: Path) -> str:
    """Return what to do after a deployment of the live revision of `after` that failed. `action` as in the audit."""
    env, wanted = stack.environment.name, str(after.live)
    if returned.problem is not None:
        return f"Mend that, and run the same command again: it completes the way back. {look(stack)}"
    if returned.to is None:
        return f"{look(stack)} Then run the same command again."
    again = f"slipway rollback --env {env} --endpoint {stack.endpoint} --to {wanted}"
    new = set(after.revisions[wanted].releases) - set(after.revisions[returned.to].releases)
    if action != "rollback" and new:
        again = f"slipway promote {min(new)} --to {env} --apply"
    retry = " --retry" if returned.marked else ""
    return f"{look(stack)} Commit {file.name}. When the cause is mended: {again}{retry}"
