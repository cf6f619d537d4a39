"""`slipway abort`: ends a deployment that is under way, without Terraform."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import sys
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result
from glue.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from glue.core.abort import Aborted, UnderWay


@click.command(short_help="End a deployment that is under way: SageMaker rolls it back.")
@options.environment
@options.endpoint(required=True, text="Endpoint, by its short name.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded, and told to whoever deploys.")
@options.command(dry_run=True, asks=True)
def abort(app: App, *, environment: str, endpoint: str, reason: str) -> Result:
    """End a deployment that is under way, and wait until the revision before it serves all requests again.

    A datum turns the endpoint's abort alarm red, and SageMaker rolls back. That needs neither Terraform nor its lock:
    the promotion that waits for the deployment fails with your reason, and moves `live` back. Exit code 3 when nothing
    is under way, 1 when it came too late.
    """
    from glue import aborting

    if not reason.strip():
        raise UsageError("--reason is empty", remedy="Say why, in a sentence: it is recorded.")
    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    session = app.accounts.session(where)
    found = aborting.find(session, endpoint)
    app.console.step(found.text, of=environment)
    if app.dry_run:
        line = f"Dry run: the deployment of {found.revision} would be aborted, and {found.served} would serve."
        return Result(_document(environment, endpoint, found, reason), lines=(line,))
    if found.rolls_back:
        app.console.say("SageMaker rolls it back already", of=environment)
    elif not _sure(app, found):
        raise RefusedError("not aborted, because the answer was no")
    return _abort(app, environment, endpoint, found, reason)


def _sure(app: App, found: UnderWay) -> bool:
    if app.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    return click.confirm(f"Abort this deployment: {found.text}?", err=True)


def _abort(app: App, environment: str, endpoint: str, found: UnderWay, reason: str) -> Result:
    from glue import aborting
    from glue.core.audit import DONE, FAILED

    where = app.estate.environment(environment)
    session, trail = app.accounts.session(where), app.trail(where)
    begun = trail.begin(action="abort", endpoint=endpoint, source=found.revision, to=found.served, why=reason)
    try:
        ended = aborting.abort(session, found, console=app.console)
    except BaseException as error:
        trail.end(begun, outcome=FAILED, reason=str(error) or type(error).__name__)
        raise
    trail.end(begun, outcome=DONE if ended.well else FAILED, reason=ended.said, returned_to=ended.live)
    return Result(
        {**_document(environment, endpoint, found, reason), **_ended(ended)},
        lines=(_line(environment, endpoint, ended),),
        exit_code=0 if ended.well else 1,
    )


def _document(environment: str, endpoint: str, found: UnderWay, reason: str) -> dict[str, object]:
    return {
        "command": "abort",
        "env": environment,
        "endpoint": endpoint,
        "endpoint_name": found.endpoint,
        "revision": found.revision,
        "before": found.served,
        "reason": reason,
        "changed": False,
    }


def _ended(ended: Aborted) -> dict[str, object]:
    return {
        "aborted": ended.well,
        "live": ended.live,
        "status": ended.status,
        "said": ended.said,
        "seconds_to_end": round(ended.seconds, 3),
        "changed": not ended.under_way.rolls_back,
    }


def _line(environment: str, endpoint: str, ended: Aborted) -> str:
    revision, live = ended.under_way.revision, ended.live
    if ended.well:
        return (
            f"{endpoint}: the deployment of {revision} was aborted; {live} is live, and the endpoint is {ended.status}."
        )
    return (
        f"{endpoint}: too late: {live} is live, and the endpoint is {ended.status}. "
        f"Go back with: slipway rollback --env {environment} --endpoint {endpoint}"
    )
