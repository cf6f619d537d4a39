"""`slipway promote`: a release, one environment further."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glue.cli import options, passing
from glue.cli.app import App
from glue.cli.output import Result
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.core.promotion import PromotionPlan
    from glue.executor import Executor, Step
    from glue.promotion import Prepared


@click.command(short_help="Bring a release to the next environment.")
@click.argument("release")
@click.option("--to", "to", multiple=True, metavar="ENV", help="Environment to bring it to; several times, in waves.")
@click.option("--after", metavar="ENV", help="Bring it to all that promote from ENV, in waves.")
@click.option("--one-by-one", is_flag=True, help="One environment after the other, also within a wave.")
@options.endpoint(text="Endpoint to put it on. [default: all that serve its model]")
@options.variant
@click.option("--apply", "deploy", is_flag=True, help="Plan, apply and prove it, and go back on failure.")
@click.option("--image-timeout", type=click.IntRange(0), default=900, show_default=True, help="Seconds to wait for it.")
@options.report
@click.option("--retry", is_flag=True, help="Try a revision again that failed here before.")
@click.option("--why", default="", metavar="TEXT", help="Reason, for the audit trail.")
@passing.break_glass
@options.command(dry_run=True, asks=True)
def promote(
    app: App,
    *,
    release: str,
    to: tuple[str, ...],
    after: str | None,
    one_by_one: bool,
    endpoint: str | None,
    variant: str | None,
    deploy: bool,
    image_timeout: int,
    report: Path | None,
    retry: bool,
    why: str,
    glass: str | None,
) -> Result:
    """Bring RELEASE to one or more environments, from the one before them in the chain.

    Files are copied inside S3 and compared with the manifest, the image's digest is awaited in the target's registry,
    the model package is registered, and a new revision is written into the endpoint's revisions file. Without --apply
    it ends there, for a pull request. A step that is done already is skipped; a rerun changes nothing.
    A release that failed on an endpoint is refused there (exit 3) until --retry.
    The environment's gates (freezes, evidence, soak, approval) are judged first, all of them; exit 3 when one says no.
    With --apply, what was proven is signed as evidence, which the next environment may ask for.
    Several environments are taken in waves (environment.wave): side by side within one, and the next wave begins only
    when the whole one before succeeded.
    """
    from glue.cli import waves

    glass = passing.check_reason(glass)
    names = waves.targets(app, to, after)

    def one(target: str) -> Result:
        return _promote(
            app,
            release,
            target,
            endpoint=endpoint,
            variant=variant,
            deploy=deploy,
            image_timeout=image_timeout,
            report=report,
            retry=retry,
            why=why,
            glass=glass,
        )

    if len(names) == 1 and after is None:
        return one(names[0])
    if report is not None:
        raise UsageError("--report is of one environment", remedy="Promote to one environment, or leave it out.")
    return waves.promote(app, release, names, one, one_by_one=one_by_one)


def _promote(
    app: App,
    release: str,
    target: str,
    *,
    endpoint: str | None,
    variant: str | None,
    deploy: bool,
    image_timeout: int,
    report: Path | None,
    retry: bool,
    why: str,
    glass: str | None,
) -> Result:
    from glue.promotion import Planner, carry_out

    environment = app.estate.environment(target)
    if endpoint is not None:
        app.estate.check_endpoint(target, endpoint)
    with ExitStack() as held:
        if not app.dry_run:
            for name in [endpoint] if endpoint else app.estate.endpoints(target):
                held.enter_context(app.alone(environment, name))
        if deploy and not app.dry_run:
            app.may_deploy(environment)
            for name in [endpoint] if endpoint else app.estate.endpoints(target):
                app.deployer(environment).finish(app.stack(environment, name))
        planner = Planner(estate=app.estate, session=app.accounts.session(environment), now=app.now(), retry=retry)
        prepared = planner.prepare(release, endpoint=endpoint, variant=variant)
        registered = passing.pass_promotion(app, prepared, glass=glass)
        executor = _executor(app, prepared, image_timeout)
        steps = carry_out(prepared.plan, executor, console=app.console, registered=registered)
        return _carry_out(app, prepared, steps, deploy=deploy, report=report, retry=retry, why=why or glass or "")


def _carry_out(
    app: App, prepared: Prepared, steps: list[Step], *, deploy: bool, report: Path | None, retry: bool, why: str
) -> Result:
    plan = prepared.plan
    if app.dry_run:
        return _result(plan, steps, lines=("Dry run: nothing was changed.",))
    if deploy:
        return _deploy(app, plan, steps, report, retry=retry, why=why)
    lines = _next(app, plan) if any(entry.rendered.changed for entry in plan.endpoints) else (_nothing(steps),)
    return _result(plan, steps, lines=lines)


def _executor(app: App, prepared: Prepared, image_timeout: int) -> Executor:
    from glue.executor import Acting, Printing

    if app.dry_run:
        return Printing()
    return Acting(
        session=app.accounts.session(prepared.plan.target),
        loaded=prepared.loaded,
        estate=app.estate,
        console=app.console,
        image_timeout_s=image_timeout,
    )


def _deploy(app: App, plan: PromotionPlan, steps: list[Step], report: Path | None, *, retry: bool, why: str) -> Result:
    from glue.cli import describe
    from glue.core.audit import Intent
    from glue.fanout import side_by_side

    deployer = app.deployer(plan.target)
    intent = Intent("promote", why)

    def work(entry: Any) -> Any:
        stack = app.stack(plan.target, entry.endpoint)
        return deployer.deploy(stack, before=entry.before, after=entry.rendered.revisions, intent=intent, retry=retry)

    outcomes = side_by_side(plan.endpoints, work, interrupt=app.runner.processes.interrupt)
    values = [outcome.value for outcome in outcomes if outcome.value is not None]
    errors = [(outcome.item.endpoint, outcome.error) for outcome in outcomes if outcome.error is not None]
    lines = [describe.deployed_line(value) for value in values]
    lines += [f"{name}: {error}" for name, error in errors]
    lines += describe.comparison_lines(values, report)
    signed = passing.sign_deployed(app, plan.target, values)
    applied = any(value.changed for value in values)
    codes = [value.exit_code for value in values] + [error.exit_code for _, error in errors]
    exit_code = min((code for code in codes if code), default=0)
    if not applied and not exit_code and not _changed(steps):
        lines.append(_nothing(steps))
    documents = {
        value.endpoint: {
            **describe.deployed_document(value, text=False),
            **({"evidence": signed[value.endpoint]} if value.endpoint in signed else {}),
        }
        for value in values
    }
    failed: dict[str, dict[str, object]] = {name: {"error": describe.error_document(error)} for name, error in errors}
    text = "\n\n".join(value.plan_text for value in values if value.changed)
    return _result(
        plan,
        steps,
        lines=tuple(lines),
        deployed={**documents, **failed},
        applied=applied,
        exit_code=exit_code,
        text=text,
    )


def _result(
    plan: PromotionPlan,
    steps: list[Step],
    *,
    lines: tuple[str, ...],
    deployed: dict[str, dict[str, object]] | None = None,
    applied: bool = False,
    exit_code: int = 0,
    text: str = "",
) -> Result:
    from glue.cli import describe

    endpoints = [
        {
            "endpoint": entry.endpoint,
            "revision": entry.rendered.live,
            "action": entry.rendered.action,
            "before": entry.rendered.before,
            "differences": list(entry.changes),
            "notes": list(entry.notes),
            **(deployed or {}).get(entry.endpoint, {}),
        }
        for entry in plan.endpoints
    ]
    document = {
        "command": "promote",
        "release": plan.release.release,
        "from": plan.source.name if plan.source else None,
        "to": plan.target.name,
        "image": plan.release.image_digest,
        "steps": [step.as_json() for step in steps],
        "endpoints": endpoints,
        "copied_bytes": sum(step.bytes for step in steps),
        "plan_text": text,
        "changed": applied or _changed(steps),
    }
    return Result(document, lines=lines, tables=(describe.steps_table(steps),), exit_code=exit_code)


def _changed(steps: list[Step]) -> bool:
    return any(step.outcome == "done" and step.name != "manifest" for step in steps)


def _nothing(steps: list[Step]) -> str:
    return f"Nothing to do: {len(steps)} steps looked at, all of them done before."


def _next(app: App, plan: PromotionPlan) -> tuple[str, ...]:
    """Return what comes next when it ends before the apply: what to commit, and which targets to run."""
    files = [
        app.workspace.shown(app.estate.revisions_file(plan.target.name, entry.endpoint))
        for entry in plan.endpoints
        if entry.rendered.changed
    ]
    names = [entry.endpoint for entry in plan.endpoints if entry.rendered.changed]
    commands = [f"  make plan ENV={plan.target.name} ENDPOINT={name}" for name in names]
    commands += [f"  make apply ENV={plan.target.name} ENDPOINT={name}" for name in names]
    return (f"Next: commit {', '.join(files)}, and after the review:\n" + "\n".join(commands),)
