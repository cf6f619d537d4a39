"""`slipway plan` and `slipway apply`: Terraform's own commands, printed and run."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from pathlib import Path

import click

from glue.cli import options, passing, planned
from glue.cli.app import App
from glue.cli.output import Result
from glue.errors import UsageError
from glue.workspace import STACKS

_STACK = click.option(
    "--stack", type=click.Choice(STACKS), default="serving", show_default=True, help="Terraform root."
)


@click.command(short_help="Plan with Terraform, and save the plan.")
@options.environment
@_STACK
@options.endpoint()
@options.command()
def plan(app: App, *, environment: str, stack: str, endpoint: str | None) -> Result:
    """Plan with Terraform, and save the plan for `slipway apply`.

    Every terraform command is printed before it is run; typed by hand it does the same. The plan is reviewed, and kept
    as a bundle: one that the review forbids cannot be applied (exit 3). What would leave an endpoint with fewer
    instances than it has now, or was undone by SageMaker before, is warned of. Without --endpoint, all endpoints of the
    environment are planned side by side.
    """
    from glue.cli import stack_results
    from glue.stacks import select

    outcomes = app.stacks.plan_all(select(app.estate, environment=environment, stack=stack, endpoint=endpoint))
    foreseen = {one.item.label: app.foresee(one.value) for one in outcomes if one.value is not None}
    return stack_results.planned(outcomes, app.workspace, foreseen)


@click.command(short_help="Apply exactly the saved plan.")
@options.environment
@_STACK
@options.endpoint()
@click.option(
    "--bundle",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Another folder's plan.",
)
@passing.break_glass
@options.command()
def apply(
    app: App, *, environment: str, stack: str, endpoint: str | None, bundle: Path | None, glass: str | None
) -> Result:
    """Apply exactly the saved plan, and nothing else.

    It is refused when anything moved since it was made: the plan itself, code, data files, provider lock, Terraform's
    version, the state; when it is older than a day, was applied already, or its review forbids it; and when nobody
    knows that a deploy role made it. Where gates.plan_approval is set, somebody else must have approved what it does.

    The environment's gates are judged before a plan that makes another release live; exit 3 when one says no.
    Golden requests are asked of another release while it is deployed, and afterwards, by who may assume the role
    promote; else the command is said. After an endpoint was applied, AWS is asked what is live (as `slipway verify`
    does). When SageMaker rolled it back, or something else is not as wanted, live goes back to what was served, the
    revision is marked as failed in the revisions file, that is applied at once, and the exit code is 1. What passed is
    signed as evidence.
    Without --endpoint, every endpoint of the environment is applied side by side, and each one's end is told.
    """
    from glue.cli import stack_results
    from glue.stacks import select

    glass = passing.check_reason(glass)
    stacks = select(app.estate, environment=environment, stack=stack, endpoint=endpoint)
    if bundle is not None:
        if len(stacks) > 1:
            raise UsageError(f"a bundle is of one stack, not of {len(stacks)}", remedy="Give --endpoint.")
        planned.take(app, stacks[0], bundle)
    outcomes = app.stacks.apply_all(stacks, apply=passing.guarded(app, glass=glass))
    return stack_results.applied(outcomes)
