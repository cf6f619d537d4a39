"""`slipway traffic`: who gets which share of the requests, and shifting it."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import re
from typing import TYPE_CHECKING, Any

import click

from glue.cli import options, passing
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.core.environment import Environment
    from glue.core.revision import Revisions
    from glue.core.traffic import Row
    from glue.traffic import Shifted, Shown


class Weight(click.ParamType[tuple[str, int]]):
    """`main=90`: a variant and its weight, a whole number."""

    name = "VARIANT=WEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return the pair. A whole number only: AWS keeps weights as 32-bit floats."""
        match = re.fullmatch(r"([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})=(\d{1,7})", str(value), re.ASCII)
        if not match:
            self.fail(f"{value!r} is not like main=90, with a whole number", param, ctx)
        return match[1], int(match[2])


@click.command(short_help="Show how traffic is shared among variants, or shift it.")
@options.environment
@options.endpoint(required=True, text="Endpoint, by its short name.")
@click.option("--set", "weights", type=Weight(), multiple=True, help="New weight of a variant. May be repeated.")
@click.option("--winner", metavar="VARIANT", help="Put its release onto all variants of its model.")
@click.option("--apply", "deploy", is_flag=True, help="Plan, apply and prove it, and go back on failure.")
@click.option("--since", metavar="DURATION", default="1h", show_default=True, help="Window of the requests counted.")
@click.option("--retry", is_flag=True, help="Try a revision again that failed here before.")
@passing.break_glass
@options.command(dry_run=True, asks=True)
def traffic(
    app: App,
    *,
    environment: str,
    endpoint: str,
    weights: tuple[tuple[str, int], ...],
    winner: str | None,
    deploy: bool,
    since: str,
    retry: bool,
    glass: str | None,
) -> Result:
    """Show how an endpoint's traffic is shared among its variants: as wanted, as AWS has it, and as it was seen.

    With --set a new revision has the live content under other weights; variants that are not named keep theirs. With
    --winner it has the winner's release on all variants of its model, at the weights of now. Both are written into the
    revisions file, and with --apply deployed like any other revision. Freezes are asked; releases that are live already
    need no new evidence. A shadow's weight over its variant's is the share of requests that are copied to it.
    Exit code 3 when AWS shares traffic out otherwise than the live revision says, or a gate says no.
    """
    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    asked = _asked(weights, winner, deploy=deploy)
    glass = passing.check_reason(glass)
    if not asked and winner is None:
        return _show(app, where, endpoint, since)
    with app.alone(where, endpoint):
        if deploy and not app.dry_run:
            app.may_deploy(where)
            app.deployer(where).finish(app.stack(where, endpoint))
        before = app.estate.revisions(where.name, endpoint)
        plan = _planned(app, where, before, endpoint, asked=asked, winner=winner, retry=retry)
        _pass_gates(app, where, plan, glass)
        return _shift(app, where, plan, deploy=deploy, why=_why(asked, winner), retry=retry)


def _asked(weights: tuple[tuple[str, int], ...], winner: str | None, *, deploy: bool) -> dict[str, int]:
    asked = dict(weights)
    if len(asked) < len(weights):
        raise UsageError("a variant is set twice", remedy="Give each variant one weight.")
    if asked and winner is not None:
        raise UsageError("--set and --winner are two revisions", remedy="Give one of them, and the other afterwards.")
    if deploy and not asked and winner is None:
        raise UsageError("there is nothing to apply", remedy="Say what to change: --set main=50, or --winner VARIANT.")
    return asked


def _show(app: App, where: Environment, endpoint: str, since: str) -> Result:
    from glue.core.metrics import duration
    from glue.traffic import show

    window = duration(since)
    shown = show(app.accounts.session(where), app.estate, endpoint, window=window)
    lines = [f"{shown.revision} is the live revision of {where.name}/{endpoint}; requests are of the last {since}."]
    if not shown.exists:
        lines.append(f"It is not deployed: make plan apply ENV={where.name} ENDPOINT={endpoint}")
    elif shown.drifted:
        lines.append(
            f"AWS has another share for {', '.join(shown.drifted)}: somebody changed weights without a revision, or a "
            f"deployment is under way. `slipway verify --env {where.name} --endpoint {endpoint}` tells more."
        )
    return Result(
        {
            "command": "traffic",
            "env": where.name,
            "endpoint": endpoint,
            "revision": shown.revision,
            "since": since,
            "variants": [_document(row) for row in shown.rows],
            "drifted": list(shown.drifted),
            "changed": False,
        },
        lines=tuple(lines),
        tables=(_table(shown),),
        exit_code=3 if shown.drifted else 0,
    )


def _planned(
    app: App,
    where: Environment,
    before: Revisions,
    endpoint: str,
    *,
    asked: dict[str, int],
    winner: str | None,
    retry: bool,
) -> Shifted:
    from glue.traffic import plan_shift, plan_winner

    session, settings = app.accounts.session(where), app.estate.endpoint(where.name, endpoint)
    if winner is None:
        plan = plan_shift(session, settings, before, asked, now=app.now(), retry=retry)
    else:
        plan = plan_winner(session, app.estate, settings, before, winner, now=app.now(), retry=retry)
    for warning in plan.warnings:
        app.console.warn(warning, of=endpoint)
    for line in (*plan.notes, *plan.changes, *_shares(plan)):
        app.console.say(f"    {line}", of=endpoint)
    return plan


def _pass_gates(app: App, where: Environment, plan: Shifted, glass: str | None) -> None:
    """Judge the revision as the apply would: of releases that AWS serves at this endpoint, freezes only."""
    from glue import gates
    from glue.breaking_glass import Emergency
    from glue.core.plan import PlannedLive, PlannedVariant

    name = plan.rendered.live
    variants = plan.rendered.revisions.revisions[name].all_variants
    live = PlannedLive(
        name, tuple(PlannedVariant(n, v.release, v.image, v.model_data_url) for n, v in variants.items())
    )
    session = app.accounts.session(where)
    refusals = gates.of_apply(session, plan.endpoint, live, now=passing.now(), console=app.console)
    emergency = Emergency("traffic", plan.endpoint, name, live.releases)
    what = f"{name} at {where.name}/{plan.endpoint}"
    passing.pass_gates(app, where, refusals, [emergency], what=what, glass=glass)


def _shift(app: App, where: Environment, plan: Shifted, *, deploy: bool, why: str, retry: bool) -> Result:
    from glue.tf import revisions_file

    if app.dry_run:
        return _result(where, plan, lines=(f"Dry run: {plan.rendered.live} would be live.",))
    path = app.estate.revisions_file(where.name, plan.endpoint)
    changed = plan.rendered.changed and revisions_file.save(path, plan.rendered.revisions)
    if deploy:
        return _deploy(app, where, plan, why=why, retry=retry)
    if not changed:
        return _result(where, plan, lines=(f"Nothing to do: {plan.rendered.live} has these weights and releases.",))
    targets = "\n".join(f"  make {verb} ENV={where.name} ENDPOINT={plan.endpoint}" for verb in ("plan", "apply"))
    line = f"Next: commit {app.workspace.shown(path)}, and after the review:\n{targets}"
    return _result(where, plan, changed=True, lines=(line,))


def _why(asked: dict[str, int], winner: str | None) -> str:
    return f"winner {winner}" if winner else ", ".join(f"{name}={weight}" for name, weight in asked.items())


def _deploy(app: App, where: Environment, plan: Shifted, *, why: str, retry: bool) -> Result:
    from glue.cli import describe
    from glue.core.audit import Intent

    deployed = app.deployer(where).deploy(
        app.stack(where, plan.endpoint),
        before=plan.before,
        after=plan.rendered.revisions,
        intent=Intent("traffic", why),
        retry=retry,
    )
    signed = passing.sign_deployed(app, where, [deployed])
    changed = deployed.changed or plan.rendered.changed
    lines = [describe.deployed_line(deployed)]
    if not changed and not deployed.exit_code:
        lines.append(f"Nothing to do: {plan.rendered.live} is live.")
    evidence = {"evidence": signed[plan.endpoint]} if plan.endpoint in signed else {}
    return _result(
        where,
        plan,
        changed=changed,
        lines=tuple(lines),
        more={**describe.deployed_document(deployed), **evidence},
        exit_code=deployed.exit_code,
    )


def _result(
    where: Environment,
    plan: Shifted,
    *,
    lines: tuple[str, ...],
    changed: bool = False,
    more: dict[str, object] | None = None,
    exit_code: int = 0,
) -> Result:
    from glue.core.weights import shares

    revision = plan.rendered.revisions.revisions[plan.rendered.live]
    document = {
        "command": "traffic",
        "env": where.name,
        "endpoint": plan.endpoint,
        "revision": plan.rendered.live,
        "action": plan.rendered.action,
        "before": plan.rendered.before,
        "weights": {name: variant.weight for name, variant in revision.all_variants.items()},
        "shares": {name: round(share, 6) for name, share in shares(revision).items()},
        "differences": list(plan.changes),
        "warnings": list(plan.warnings),
        "notes": list(plan.notes),
        **(more or {}),
        "changed": changed,
    }
    return Result(document, lines=lines, exit_code=exit_code)


def _shares(plan: Shifted) -> list[str]:
    """Return the shares before and after, a line each."""
    from glue.core.weights import percent, shares

    before = shares(plan.before.live_revision) if plan.before.live_revision else {}
    after = shares(plan.rendered.revisions.revisions[plan.rendered.live])
    return [
        f"share of {name}: {percent(before[name]) if name in before else 'none'} -> {percent(share)}"
        for name, share in after.items()
    ]


def _document(row: Row) -> dict[str, object]:
    return {
        "variant": row.variant,
        "shadow": row.shadow,
        "release": row.release,
        "instances": row.instances,
        "wanted": {"weight": row.weight, "share": round(row.share, 6)},
        "live": {"weight": row.live_weight, "share": None if row.live_share is None else round(row.live_share, 6)},
        "observed": {
            "requests": row.requests,
            "share": None if row.observed_share is None else round(row.observed_share, 6),
        },
    }


def _table(shown: Shown) -> Table:
    from glue.core.weights import percent

    def share(value: float | None) -> str:
        return "-" if value is None else percent(value)

    rows = [
        (
            row.variant,
            "shadow" if row.shadow else "production",
            row.release,
            str(row.instances or "-"),
            str(row.weight),
            share(row.share),
            share(row.live_share),
            f"{row.requests:.0f}",
            share(row.observed_share),
        )
        for row in shown.rows
    ]
    columns = ("variant", "kind", "release", "instances", "weight", "wanted", "live", "requests", "observed")
    return Table(columns, rows)
