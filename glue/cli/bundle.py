"""`slipway bundle`: plans from job to job, and the approval of one."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from glue.cli import options, planned
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.workspace import STACKS

if TYPE_CHECKING:
    from glue.bundle_sharing import Shared, Shown
    from glue.core.bundle import Manifest
    from glue.fanout import Outcome
    from glue.workspace import Stack

_STACK = click.option(
    "--stack", type=click.Choice(STACKS), default="serving", show_default=True, help="Terraform root."
)
_DIGEST = click.option("--digest", required=True, metavar="SHA256", help="Exactly this bundle: 64 hex digits.")


@click.group()
def bundle() -> None:
    """Hand plans from job to job, and approve them."""


@bundle.command()
@options.environment
@_STACK
@options.endpoint()
@options.command()
def push(app: App, *, environment: str, stack: str, endpoint: str | None) -> Result:
    """Share saved plans through the environment's artifact store.

    Encrypted with its key, written once, and gone after retention.plan_days. What a deploy role made can be applied by
    another job of that role; what the role plan made can be read, approved, and compared with.
    """
    from glue import bundle_sharing

    def work(one: Stack) -> Shared:
        with app.stacks.alone(one):
            return bundle_sharing.push(app.bundles, planned.store(app, one), one)

    return _shared("push", _side_by_side(app, work, environment, stack, endpoint))


@bundle.command()
@options.environment
@_STACK
@options.endpoint()
@_DIGEST
@options.command()
def pull(app: App, *, environment: str, stack: str, endpoint: str | None, digest: str) -> Result:
    """Fetch one shared plan, by its digest, for `slipway apply`.

    Its checksums are compared with its name. A plan that the role plan made is not applied itself: `slipway apply`
    plans again, and goes on only when that does the same.
    """
    from glue import bundle_sharing

    def work(one: Stack) -> Shared:
        with app.stacks.alone(one):
            return bundle_sharing.pull(app.bundles, planned.store(app, one), one, digest=digest)

    _one(app, environment, stack, endpoint)
    return _shared("pull", _side_by_side(app, work, environment, stack, endpoint))


@bundle.command()
@options.environment
@_STACK
@options.endpoint()
@click.option("--approvals", is_flag=True, help="Ask the store who approved what it does.")
@options.command()
def show(app: App, *, environment: str, stack: str, endpoint: str | None, approvals: bool) -> Result:
    """Show a saved plan: its digests, grade, maker, age, and who approved it."""
    from glue import bundle_sharing

    one = _one(app, environment, stack, endpoint)
    shown = bundle_sharing.show(app.bundles, one, store=planned.store(app, one) if approvals else None)
    return _shown(one, shown)


@bundle.command()
@options.environment
@_STACK
@options.endpoint()
@_DIGEST
@click.option("--comment", default="", help="Why, for those who read it later.")
@options.command(dry_run=True)
def approve(app: App, *, environment: str, stack: str, endpoint: str | None, digest: str, comment: str) -> Result:
    """Approve what a shared plan does, as one of the environment's approvers.

    It is reviewed again before. The approval holds for six days, for every plan of the stack that does the same, and
    never for one that the approver made or applies. The role promote and the roles that deploy cannot give it.
    """
    from glue import bundle_sharing
    from glue.bundle_review import Reviewing
    from glue.bundle_store import Store

    one = _one(app, environment, stack, endpoint)
    session = _approver(app, one)
    manifest, given = bundle_sharing.approve(
        Store(session, one),
        one,
        digest=digest,
        comment=comment,
        review=Reviewing(app.workspace),
        clock=lambda: datetime.now(UTC),
        write=not app.dry_run,
    )
    if given is not None:
        app.trail(one.environment, session).note(
            action="approve",
            endpoint=one.endpoint or f"_{one.name}",
            why=comment,
            plan=manifest.summary.digest,
            details={**manifest.facts(), "approved_by": given.by},
        )
    return _approved(one, manifest, by=session.principal, written=given is not None)


def _approver(app: App, stack: Stack) -> Any:
    from glue.core import roles
    from glue.errors import AccessDeniedError, RefusedError

    where = stack.environment
    if not where.approvers:
        raise RefusedError(
            f"nobody approves plans of {where.name}: it names no approvers",
            remedy=f"Name them in environments/{where.name}/environment.tfvars, and apply bootstrap.",
        )
    try:
        return app.accounts.session(where, roles.APPROVE)
    except AccessDeniedError as error:
        raise RefusedError(
            f"plans of {where.name} are approved by others: {error.message}",
            remedy=f"Ask one of {', '.join(where.approvers)}; bootstrap must have been applied with them.",
        ) from error


def _one(app: App, environment: str, stack: str, endpoint: str | None) -> Stack:
    from glue.errors import UsageError
    from glue.stacks import select

    found = select(app.estate, environment=environment, stack=stack, endpoint=endpoint)
    if len(found) > 1:
        raise UsageError(f"{environment} has {len(found)} endpoints, and a digest is of one", remedy="Give --endpoint.")
    return found[0]


def _side_by_side(
    app: App, work: Callable[[Stack], Shared], environment: str, stack: str, endpoint: str | None
) -> list[Outcome[Stack, Shared]]:
    from glue.fanout import side_by_side
    from glue.stacks import select

    stacks = select(app.estate, environment=environment, stack=stack, endpoint=endpoint)
    return side_by_side(stacks, work, interrupt=lambda: None)


def _shared(verb: str, outcomes: list[Outcome[Stack, Shared]]) -> Result:
    from glue.fanout import exit_code

    entries, rows = [], []
    for outcome in outcomes:
        stack, value, error = outcome.item, outcome.value, outcome.error
        entry: dict[str, object] = {"env": stack.environment.name, "stack": stack.name, "endpoint": stack.endpoint}
        if value is not None:
            entry |= {**_facts(value.manifest), "where": value.where, "changed": value.changed, "made": value.origin}
            rows.append((stack.label, value.manifest.digest, value.manifest.grade, "new" if value.changed else "there"))
        if error is not None:
            entry["error"] = {"message": error.message, "remedy": error.remedy, "exit_code": error.exit_code}
            rows.append((stack.label, "-", "-", "FAILED" if error.exit_code == 1 else "REFUSED"))
        entries.append(entry)
    return Result(
        {
            "command": f"bundle {verb}",
            "results": entries,
            "changed": any(o.value and o.value.changed for o in outcomes),
        },
        lines=tuple(str(outcome.error) for outcome in outcomes if outcome.error is not None),
        tables=(Table(("stack", "bundle", "grade", "result"), rows),),
        exit_code=exit_code(outcomes),
    )


def _shown(stack: Stack, shown: Shown) -> Result:
    from glue.core.bundle import text_of

    manifest = shown.manifest
    rows = [(name, str(value)) for name, value in _facts(manifest).items() if value not in (None, [])]
    rows += [("came from", shown.origin or "unknown"), ("applied", shown.used or "not yet")]
    rows += [("approved", f"{one.by} at {text_of(one.at)}") for one in shown.approvals]
    document = {
        "command": "bundle show",
        "env": stack.environment.name,
        "stack": stack.name,
        "endpoint": stack.endpoint,
        **_facts(manifest),
        "made": shown.origin,
        "used": shown.used,
        "approvals": [
            {"by": one.by, "at": text_of(one.at), "expires_at": text_of(one.expires_at), "comment": one.comment}
            for one in shown.approvals
        ],
    }
    return Result(document, tables=(Table(("what", "is"), rows),))


def _approved(stack: Stack, manifest: Manifest, *, by: str, written: bool) -> Result:
    from glue.core.history import who

    text = f"{who(by)} approved {manifest.summary.text} at {stack.label}, graded {manifest.grade}."
    if not written:
        text = f"Dry run: {who(by)} would approve {manifest.summary.text} at {stack.label}, graded {manifest.grade}."
    document = {
        "command": "bundle approve",
        "env": stack.environment.name,
        "stack": stack.name,
        "endpoint": stack.endpoint,
        **_facts(manifest),
        "approved_by": by,
        "changed": written,
    }
    return Result(document, lines=(text,))


def _facts(manifest: Manifest) -> dict[str, object]:
    from glue.core.bundle import text_of

    return {
        "digest": manifest.digest,
        "semantic": manifest.semantic,
        "grade": manifest.grade,
        "refused": list(manifest.refused),
        "changes": manifest.summary.as_json(),
        "empty": not manifest.changes,
        "made_by": manifest.made_by.principal,
        "role": manifest.made_by.role,
        "made_at": text_of(manifest.made_at),
        "expires_at": text_of(manifest.expires_at),
        "commit": manifest.commit,
        "dirty": manifest.dirty,
    }
