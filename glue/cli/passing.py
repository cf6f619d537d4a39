"""What commands that make releases live share: the gates before, --break-glass, and the evidence afterwards."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from glue.cli import planned
from glue.cli.app import App
from glue.errors import AccessDeniedError, RefusedError, SlipwayError

if TYPE_CHECKING:
    from glue.admitting import Admitted
    from glue.breaking_glass import Emergency
    from glue.core.environment import Environment
    from glue.core.gates import Refusal
    from glue.core.plan import PlannedLive
    from glue.core.revision import Revisions
    from glue.evidence import Made
    from glue.promotion import Prepared
    from glue.tf.runner import Applied
    from glue.verifying import Verified
    from glue.workspace import Stack


def break_glass(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option --break-glass."""
    text = "Pass the gates in an emergency: recorded, announced, and in a role of its own."
    return click.option("--break-glass", "glass", metavar="REASON", help=text)(function)


def now() -> datetime:
    """Return the time by which gates are judged."""
    return datetime.now(UTC)


def check_reason(glass: str | None) -> str | None:
    """Return the reason of --break-glass, None without the option. Raises UsageError for one that says nothing."""
    from glue.breaking_glass import check_reason as checked

    return None if glass is None else checked(glass)


def pass_gates(
    app: App,
    where: Environment,
    refusals: Sequence[Refusal],
    emergencies: Sequence[Emergency],
    *,
    what: str,
    glass: str | None,
) -> None:
    """Return when no gate says no, or when the glass was broken and that is recorded. Raises GateError otherwise."""
    from glue import breaking_glass, gates

    if not refusals:
        if glass is not None:
            app.console.say(f"{what}: no gate says no, so nothing is broken or recorded")
        return
    if glass is None:
        gates.require(what, tuple(refusals), where)
    gates_text = ", ".join(sorted({one.gate for one in refusals}))
    if app.dry_run:
        app.console.warn(f"{what}: --break-glass would pass {gates_text}, and record it")
        return
    session = breaking_glass.session_of(app.accounts, where)
    trail = app.trail(where, session)
    for emergency in emergencies:
        breaking_glass.record(session, emergency, glass or "", refusals, trail=trail, console=app.console)


def pass_promotion(app: App, prepared: Prepared, *, glass: str | None) -> Callable[[], None]:
    """Judge a promotion before anything is copied, and return what is left to judge once the release is registered.

    Nobody can approve a release that is not registered: when that is the only no, it is copied and registered, and then
    it waits.
    """
    from glue import gates
    from glue.breaking_glass import Emergency

    plan = prepared.plan
    session = app.accounts.session(plan.target)
    what = f"{plan.release.release} to {plan.target.name}"
    refusals = gates.of_promotion(session, prepared, now=now(), console=app.console)
    waits = glass is None and not app.dry_run and gates.is_to_register(refusals, package=plan.package)
    if not waits:
        emergencies = [
            Emergency("promote", entry.endpoint, entry.rendered.live, (plan.release.release,))
            for entry in plan.endpoints
        ]
        pass_gates(app, plan.target, refusals, emergencies, what=what, glass=glass)
        return lambda: None

    def registered() -> None:
        again = gates.of_promotion(session, prepared, now=now(), console=app.console)
        gates.require(f"{what}: it is registered", again, plan.target)

    return registered


def guarded(app: App, *, glass: str | None) -> Callable[[Stack], Applied]:
    """Return what applies a saved plan: after the gates, recorded, and with evidence when it went well."""

    def apply(stack: Stack) -> Applied:
        known = planned.admitted(app, stack)
        summary = app.runner.saved(stack)
        live = summary.live if summary is not None else None
        if summary is not None:
            _judge_plan(app, stack, live, known, glass)
        with app.recorded(stack, known.facts):
            applied, verified = app.apply_saved(stack)
        if stack.endpoint is not None and live is not None:
            _sign_applied(app, stack.environment, stack.endpoint, verified)
        return applied

    return apply


def _judge_plan(app: App, stack: Stack, live: PlannedLive | None, known: Admitted, glass: str | None) -> None:
    from glue.breaking_glass import Emergency

    refusals = [] if stack.endpoint is None or live is None else _of_gates(app, stack, stack.endpoint, live)
    if known.refusal is not None and not planned.way_back(app, stack, live):
        refusals.append(known.refusal)
    revision, releases = (live.revision, live.releases) if live is not None else (None, ())
    emergency = Emergency("apply", stack.endpoint or f"_{stack.name}", revision, releases)
    what = f"{revision} at {stack.label}" if revision else f"the plan of {stack.label}"
    pass_gates(app, stack.environment, refusals, [emergency], what=what, glass=glass)


def _of_gates(app: App, stack: Stack, endpoint: str, live: PlannedLive) -> list[Refusal]:
    from glue import gates

    where = stack.environment
    if not gates.are_set(where):
        return []
    try:
        session = app.accounts.session(where)
    except (AccessDeniedError, RefusedError) as error:
        raise RefusedError(
            f"the gates of {where.name} are judged in the role {where.promote_role_arn}: {error.message}",
            remedy="Use credentials that may assume it, too; operators and subjects in environment.tfvars say who may.",
        ) from error
    return list(gates.of_apply(session, endpoint, live, now=now(), console=app.console))


def _sign_applied(app: App, where: Environment, endpoint: str, verified: Verified | None) -> None:
    """Sign the proof of what was applied; without the role, say the command.

    Golden requests that were not asked yet (`verified` None) are asked now.
    """
    from glue.verifying import verify

    try:
        session = app.accounts.session(where)
    except (AccessDeniedError, RefusedError):
        app.console.say(f"no evidence was made: {command(where, endpoint)}", of=endpoint)
        return
    if not _signs(app, where):
        return
    revisions = app.estate.revisions(where.name, endpoint)
    verified = verified or verify(session, endpoint, revisions)
    if verified.exit_code:
        raise SlipwayError(
            f"{endpoint} of {where.name} was applied, and does not answer as promised: {'; '.join(verified.failures)}",
            remedy=f"slipway rollback --env {where.name} --endpoint {endpoint} goes back.",
        )
    sign_or_say(app, where, verified, revisions)


def command(where: Environment, endpoint: str) -> str:
    """Return the command that makes evidence."""
    return f"slipway verify --env {where.name} --endpoint {endpoint} --evidence"


def sign(app: App, where: Environment, verified: Verified, revisions: Revisions) -> list[Made]:
    """Make evidence of a proof, record that, and return what was made. Errors as `glue.evidence.make`."""
    from glue import auditing, evidence

    session = app.accounts.session(where)
    revision = revisions.live_revision
    if revision is None or revisions.live is None:
        raise RefusedError(f"no evidence of {verified.endpoint}: nothing is live", remedy="Promote a release first.")
    if not _signs(app, where):
        raise RefusedError(
            f"the foundation of {where.name} has no key that signs evidence",
            remedy=f"Apply it: make plan apply ENV={where.name} STACK=foundation",
        )
    since = auditing.live_since(session, verified.endpoint, revisions.live)
    made = evidence.make(session, verified, revision, live_since=since, now=now().replace(microsecond=0))
    for one in made:
        app.console.step(f"Evidence: {one.key} is signed", of=verified.endpoint)
        app.trail(where).note(
            action="evidence", endpoint=verified.endpoint, to=revisions.live, details={"record": one.key}
        )
    return made


def sign_or_say(app: App, where: Environment, verified: Verified, revisions: Revisions) -> list[Made]:
    """Make evidence after a deployment that went well. That it cannot be made undoes nothing: it is said, exit 1."""
    try:
        return sign(app, where, verified, revisions)
    except SlipwayError as error:
        app.console.warn(f"{error}\n  Then: {command(where, verified.endpoint)}", of=verified.endpoint)
        app.trail(where).unrecorded.append(f"evidence of {verified.endpoint}: {error.message}")
        return []


def sign_deployed(app: App, where: Environment, values: Sequence[Any]) -> dict[str, list[str]]:
    """Make evidence of each deployment that went well, and return the records' keys by endpoint.

    One that changed nothing is signed only when a killed call left it without.
    """
    from glue import evidence

    found: dict[str, list[str]] = {}
    if not _signs(app, where):
        return found
    for value in values:
        if value.exit_code or value.verified is None:
            continue
        revisions = app.estate.revisions(where.name, value.endpoint)
        session = app.accounts.session(where)
        if value.changed or not evidence.exists(session, revisions.live_revision):
            found[value.endpoint] = [one.key for one in sign_or_say(app, where, value.verified, revisions)]
    return found


def _signs(app: App, where: Environment) -> bool:
    return app.accounts.session(where).parameters.foundation(where).evidence_key_arn is not None
