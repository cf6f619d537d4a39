"""`slipway rollback`: back to a retained revision, in one in-place update."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result

if TYPE_CHECKING:
    from glue.core.environment import Environment
    from glue.core.revision import Revisions
    from glue.core.rollback import Rollback


@click.command(short_help="Move an endpoint back to a retained revision.")
@options.environment
@options.endpoint(required=True, text="Endpoint, by its short name.")
@click.option("--to", metavar="REVISION", help="Revision to go back to. [default: the last good one]")
@click.option("--now", is_flag=True, help="Flip at once, also when fewer instances come with it.")
@click.option("--render-only", is_flag=True, help="Write the revisions file, and end there.")
@click.option("--retry", is_flag=True, help="Go to a revision that failed here before.")
@click.option("--why", default="", metavar="TEXT", help="Reason, for the audit trail.")
@options.command(dry_run=True, asks=True)
def rollback(
    app: App, *, environment: str, endpoint: str, to: str | None, now: bool, render_only: bool, retry: bool, why: str
) -> Result:
    """Move an endpoint back to a retained revision: plan, show, apply, prove.

    When more instances serve than the old revision had, the same content becomes a new revision with today's count, so
    that nothing scales in; --now flips to the old one as it is. A revision that failed is refused (exit 3) until
    --retry. On a terminal it asks before it applies.
    """
    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    with app.alone(where, endpoint):
        return _rollback(app, where, endpoint, to=to, now=now, render_only=render_only, retry=retry, why=why)


def _rollback(
    app: App,
    where: Environment,
    endpoint: str,
    *,
    to: str | None,
    now: bool,
    render_only: bool,
    retry: bool,
    why: str,
) -> Result:
    from glue import live
    from glue.core.rollback import choose, plan_rollback
    from glue.tf import revisions_file

    before = app.estate.revisions(where.name, endpoint)
    choose(before, to)
    if not (app.dry_run or render_only):
        app.may_deploy(where)
        app.deployer(where).finish(app.stack(where, endpoint))
        before = app.estate.revisions(where.name, endpoint)
    session = app.accounts.session(where)
    plan = plan_rollback(
        before,
        settings=app.estate.endpoint(where.name, endpoint),
        to=to,
        live_counts=live.read(session.sagemaker, where.endpoint_name(endpoint)).counts,
        now=now,
        created=app.now(),
        retry=retry,
    )
    if app.dry_run or render_only:  # otherwise the plan says it
        for variant, (instances, fewer) in plan.scales_in.items():
            app.console.warn(f"variant {variant} goes from {instances} to {fewer} instances at once", of=endpoint)
    app.console.step(f"{endpoint} goes from {before.live} to {plan.rendered.live}", of=where.name)
    if app.dry_run:
        return _result(plan, endpoint, changed=False, lines=(f"Dry run: {plan.rendered.live} would be live.",))
    path = app.estate.revisions_file(where.name, endpoint)
    changed = plan.rendered.changed and revisions_file.save(path, plan.rendered.revisions)
    if render_only:
        line = f"{plan.rendered.live} is live in {app.workspace.shown(path)}. Commit it, then: make plan apply"
        return _result(plan, endpoint, changed=changed, lines=(line,))
    return _deploy(app, where, endpoint, plan, before, why=why)


def _deploy(app: App, where: Environment, endpoint: str, plan: Rollback, before: Revisions, *, why: str) -> Result:
    from glue.cli import describe
    from glue.core.audit import Intent

    deployer = app.deployer(where)
    deployed = deployer.deploy(
        app.stack(where, endpoint),
        before=before,
        after=plan.rendered.revisions,
        intent=Intent("rollback", why),
        retry=True,
    )
    lines = [describe.deployed_line(deployed)]
    changed = deployed.changed or plan.rendered.changed
    if not changed and not deployed.exit_code:
        lines.append(f"Nothing to do: {plan.rendered.live} is live.")
    return _result(
        plan,
        endpoint,
        changed=changed,
        lines=tuple(lines),
        more=describe.deployed_document(deployed),
        exit_code=deployed.exit_code,
    )


def _result(
    plan: Rollback,
    endpoint: str,
    *,
    changed: bool,
    lines: tuple[str, ...],
    more: dict[str, object] | None = None,
    exit_code: int = 0,
) -> Result:
    document = {
        "command": "rollback",
        "endpoint": endpoint,
        "revision": plan.rendered.live,
        "to": plan.to,
        "action": plan.rendered.action,
        "before": plan.rendered.before,
        "scales_in": {name: {"from": now, "to": then} for name, (now, then) in plan.scales_in.items()},
        **(more or {}),
        "changed": changed,
    }
    return Result(document, lines=lines, exit_code=exit_code)
