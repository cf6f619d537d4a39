"""`slipway feedback`: what became of an endpoint's answers."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from datetime import UTC, datetime
from pathlib import Path

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result


@click.group(short_help="Say what became of an endpoint's answers: labels.")
def feedback() -> None:
    """Say what became of an endpoint's answers: labels."""


@feedback.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.environment
@options.endpoint(required=True, text="Endpoint that answered, by its short name.")
@options.command(dry_run=True)
def put(app: App, *, file: Path, environment: str, endpoint: str) -> Result:
    """Put a file of labels, one JSON object a line, into the environment's store.

    A label names a captured request (inference_id or event_id), a time (at), and clicks, or an editor's grades. Every
    line is checked before anything is written; the same file again changes nothing.
    """
    from glue.feedback import check
    from glue.feedback import put as write

    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    checked = check(file, endpoint=endpoint, now=datetime.now(UTC))
    session = app.accounts.session(where)
    written = not app.dry_run and write(checked, session=session, endpoint=endpoint)
    uri = f"s3://{where.artifact_bucket}/{checked.key}"
    said = f"{checked.labels} labels from {checked.first:%Y-%m-%dT%H:%M:%SZ} to {checked.last:%Y-%m-%dT%H:%M:%SZ}"
    if app.dry_run:
        line = f"Dry run: would put {said} to {uri}"
    else:
        line = f"{said}: {uri}" if written else f"Nothing to do: these {checked.labels} labels are {uri} already."
    document = {"command": "feedback put", "env": environment, "endpoint": endpoint, "uri": uri, "changed": written}
    return Result(document | {"labels": checked.labels, "kinds": dict(checked.kinds)}, lines=(line,))
