"""`slipway dataset`: training sets from captured requests and labels."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.dataset import Built

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.group(short_help="Make training sets from captured requests and labels.")
def dataset() -> None:
    """Make training sets from captured requests and labels."""


@dataset.command()
@options.environment
@options.endpoint(required=True, text="Endpoint whose requests were captured, by its short name.")
@click.option("--model", required=True, help="Model to train; its model.toml says how requests hold rows.")
@click.option("--since", required=True, help="First moment, such as 2026-01-31 or 2026-01-31T12:00:00Z (UTC).")
@click.option("--until", help="End, not included. [default: now]")
@click.option("--to", "target", metavar="ENV", help="Environment whose store gets it. [default: --env]")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Folder that gets it instead.")
@click.option(
    "--holdout", type=_SHARE, default=0.2, show_default=True, help="Share of queries to validate on without grades."
)
@options.command()
def build(
    app: App,
    *,
    environment: str,
    endpoint: str,
    model: str,
    since: str,
    until: str | None,
    target: str | None,
    output: Path | None,
    holdout: float,
) -> Result:
    """Join captured requests with labels into what the model's training reads: train and validation channels.

    The same requests and labels give the same bytes, and the data set's id is their hash. It is written once, below
    datasets/ of the store; --output writes a folder and, unless --to is given, nothing else.
    """
    from glue import dataset as building

    where, into = app.estate.environment(environment), app.estate.environment(target or environment)
    app.estate.check_endpoint(environment, endpoint)
    layout, clicks = building.model_settings(app.workspace.root, model)
    begin = _moment(since, "--since")
    end = _moment(until, "--until") if until else datetime.now(UTC).replace(microsecond=0)
    if begin >= end:
        raise UsageError(f"--since {since} is not before --until {until or 'now'}")
    shadows = app.estate.endpoint(environment, endpoint).shadow_variants.keys() | {
        name
        for revision in app.estate.revisions(environment, endpoint).revisions.values()
        for name in revision.shadow_variants
    }
    wanted = building.Wanted(endpoint, model, begin, end, layout, clicks, holdout, frozenset(shadows))
    account = app.accounts.session(where)
    receiver = app.accounts.session(into) if target or output is None else None
    if receiver is not None:
        receiver.parameters.foundation(into).model(model)
    with TemporaryDirectory(prefix="slipway-dataset-") as scratch:
        built = building.build(wanted, account=account, folder=output or Path(scratch))
        changed = receiver is not None and bool(building.store(built, account=receiver, model=model).copied)
        return _result(built, model, receiver, output=output, changed=changed)


def _result(built: Built, model: str, receiver: Session | None, *, output: Path | None, changed: bool) -> Result:
    from glue.dataset import channels

    places = {} if receiver is None else channels(built, receiver.environment.artifact_bucket, model)
    if receiver is None and output is not None:
        places = {name: str(output / name) for name in ("train", "validation")}
    lines = [
        f"Data set {built.id} of {model}: " + ", ".join(f"{name} {count} rows" for name, count in built.rows.items())
    ]
    lines += [f"channel {name}: {place}" for name, place in places.items()]
    if receiver is not None and not changed:
        lines.append("Nothing to do: it is there already.")
    rows = [(name.replace("_", " "), str(count)) for name, count in built.counts.items()]
    return Result(
        {
            "command": "dataset build",
            "id": built.id,
            "changed": changed,
            "channels": places,
            "manifest": built.manifest,
        },
        lines=tuple(lines),
        tables=(Table(("what", "how many"), rows),),
    )


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is not a time", remedy="Write 2026-01-31, or 2026-01-31T12:00:00Z."
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
