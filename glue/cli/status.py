"""`slipway status`: what is live, everywhere, according to AWS."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.core.status import EndpointStatus


@click.command(short_help="Show what is live, in every environment.")
@click.option("--env", "environment", metavar="ENV", help="One environment. [default: all]")
@options.command()
def status(app: App, *, environment: str | None) -> Result:
    """Show what is live in every environment, according to AWS, not to files.

    An account that cannot be read has a row with the reason, and the exit code is then 1.
    """
    from glue.fanout import side_by_side

    if environment is not None:
        app.estate.environment(environment)
    names = [environment] if environment else list(app.estate.environments())
    outcomes = side_by_side(names, lambda name: _of_environment(app, name))
    rows = [row for outcome in outcomes for row in outcome.value or ()]
    rows += [_failed(outcome.item, outcome.error) for outcome in outcomes if outcome.error is not None]
    return _result(rows)


def _of_environment(app: App, name: str) -> list[EndpointStatus]:
    from glue import live
    from glue.core.status import EndpointStatus, endpoint_status

    where = app.estate.environment(name)
    endpoints = app.estate.endpoints(name)
    try:
        session = app.accounts.session(where)
        return [
            endpoint_status(
                environment=name,
                endpoint=endpoint,
                name=where.endpoint_name(endpoint),
                live=live.read(session.sagemaker, where.endpoint_name(endpoint)),
            )
            for endpoint in endpoints
        ]
    except SlipwayError as error:
        return [EndpointStatus(name, endpoint, error=error.message) for endpoint in endpoints or ("-",)]


def _failed(environment: str, error: SlipwayError) -> EndpointStatus:
    from glue.core.status import EndpointStatus

    return EndpointStatus(environment, "-", error=error.message)


def _result(rows: list[EndpointStatus]) -> Result:
    table = Table(
        ("environment", "endpoint", "live", "release", "image", "instances", "since", "status"),
        [
            (
                row.environment,
                row.endpoint,
                row.revision or "-",
                ", ".join(row.releases) or "-",
                ", ".join(image.removeprefix("sha256:")[:12] for image in row.images) or "-",
                row.instances or "-",
                f"{row.since[:19]}Z" if row.since else "-",
                "UNREADABLE" if row.error else row.status or "-",
            )
            for row in rows
        ],
    )
    lines = [f"{row.environment}: {row.error}" for row in rows if row.error]
    lines += [f"{row.environment}/{row.endpoint}: {row.reason}" for row in rows if row.reason]
    failed = any(row.error for row in rows)
    return Result(
        {"command": "status", "endpoints": [row.as_json() for row in rows], "changed": False},
        lines=tuple(dict.fromkeys(lines)),
        tables=(table,),
        exit_code=1 if failed else 0,
    )
