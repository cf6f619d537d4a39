"""`slipway history`: who did what to an endpoint, when, why, and how it ended."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.history import Line

COLUMNS = ("when", "endpoint", "action", "from", "to", "releases", "who", "outcome", "why", "plan")


@click.command(short_help="Show who did what to an endpoint, and how it ended.")
@options.environment
@options.endpoint(text="Endpoint, by its short name. [default: everything in the environment]")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The newest N actions.")
@options.command()
def history(app: App, *, environment: str, endpoint: str | None, limit: int) -> Result:
    """Show the audit records of an environment, the newest first: promotions, rollbacks, applies, and all else.

    A star marks the action by which the revision became live that AWS serves now. What lies among the records and is
    none is shown as unreadable.
    """
    from glue import auditing
    from glue.core import history as core

    where = app.estate.environment(environment)
    if endpoint is not None:
        app.estate.check_endpoint(environment, endpoint)
    session = app.accounts.session(where)
    entries = auditing.records(session, endpoint, limit=limit)
    found = core.lines(entries, served=_served(app, session, environment, endpoint))
    return _result(environment, endpoint, found)


def _served(app: App, session: Session, environment: str, endpoint: str | None) -> dict[str, str | None]:
    from glue.core.truth import revision_in

    served: dict[str, str | None] = {}
    for name in [endpoint] if endpoint else app.estate.endpoints(environment):
        full = session.environment.endpoint_name(name)
        state = session.sagemaker.endpoint(full)
        served[name] = revision_in(state.config, full) if state else None
    return served


def _result(environment: str, endpoint: str | None, found: list[Line]) -> Result:
    document = {
        "command": "history",
        "environment": environment,
        "endpoint": endpoint,
        "records": [line.as_json() for line in found],
        "changed": False,
    }
    bad = [line.unreadable for line in found if line.unreadable is not None]
    lines = [f"Unreadable: {entry.key}: {entry.why}" for entry in bad]
    if not found:
        lines.append("Nothing is recorded yet.")
    rows = [_row(line) for line in found if line.record is not None]
    return Result(document, lines=tuple(lines), tables=(Table(COLUMNS, rows),), exit_code=1 if bad and not rows else 0)


def _row(line: Line) -> tuple[str, ...]:
    from glue.core.history import outcome, who

    record = line.record
    if record is None:
        return ("-",) * len(COLUMNS)
    approved = record.details.get("approved_by")
    said = f"approved by {who(approved)}" if approved else record.details.get("approval_claimed")
    why = "; ".join(text for text in (record.why, record.reason, said) if text)
    return (
        line.when + (" *" if line.live else ""),
        record.scope,
        record.action,
        record.source or "-",
        record.to or "-",
        ", ".join(record.releases) or "-",
        who(record.by),
        outcome(record),
        " ".join(why.split()) or "-",
        (record.plan or "-")[:12],
    )
