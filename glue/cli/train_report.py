"""`slipway train report`: how the queue did."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import SlipwayError, UsageError

if TYPE_CHECKING:
    from glue.core.training_report import Report
    from glue.training_history import Gathered
    from glue.training_queue import Queue


@click.command(short_help="Report success, waiting, spot saving, cost and retries.")
@options.environment
@click.option("--since", default="4w", show_default=True, metavar="TIME", help="Submitted since: 2026-01-31, or 7d.")
@click.option("--until", metavar="TIME", help="And before. [default: now]")
@click.option(
    "--by", type=click.Choice(("owner", "model", "week")), default="owner", show_default=True, help="One row for each."
)
@click.option("--html", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Also write a page.")
@click.option("--settle", is_flag=True, help="First ask SageMaker what spot jobs were billed, two a second.")
@options.command()
def report(
    app: App, *, environment: str, since: str, until: str | None, by: str, html: Path | None, settle: bool
) -> Result:
    """Report how an environment's queue did: success, waiting, spot saving, cost and retries.

    What is not known is shown as unknown and never counted as zero. The saving on spot is known after --settle, which
    asks once for each spot job that has ended and keeps the answer; it may be interrupted and run again.
    --html writes one page with charts that needs nothing else.
    """
    from glue import training_history, training_queue
    from glue.core import training_report
    from glue.training_times import moment

    now = int(time.time() * 1000)
    begin, end = moment(since, "--since", now=now), moment(until, "--until", now=now) if until else now
    if begin >= end:
        raise UsageError(f"--since {since} is not before --until {until or 'now'}")
    queue = training_queue.open_queue(app.accounts, app.estate.environment(environment))
    gathered = training_history.gather(queue, since=begin, until=end, now=now)
    settled = 0
    if settle and (settled := _settle(app, queue, gathered)):
        gathered = training_history.gather(queue, since=begin, until=end, now=now)
    facts, unreadable = gathered.facts()
    made = training_report.report(facts, environment=environment, since=begin, until=end, by=by, unreadable=unreadable)
    if html is not None:
        _write(html, made, now)
    return _result(made, html, settled)


def _settle(app: App, queue: Queue, gathered: Gathered) -> int:
    from glue.training_settle import PER_SECOND, Pace, settle

    facts, _ = gathered.facts()
    pace = Pace(PER_SECOND, sleep=time.sleep, clock=time.monotonic)
    done = settle(queue, facts, gathered.items, pace=pace, say=app.console.say)
    app.console.say(f"{done.jobs} jobs settled, {len(done.unknown)} not: SageMaker does not say what they were billed")
    return done.jobs


def _write(path: Path, made: Report, now: int) -> None:
    from glue.core.training_page import page

    try:
        path.write_text(page(made, made=now), encoding="utf-8")
    except OSError as error:
        raise SlipwayError(f"{path} cannot be written: {error.strerror}") from error


def _result(made: Report, html: Path | None, settled: int) -> Result:
    from glue.core.training_report import COLUMNS, cells

    rows = [(one.name, *cells(one)) for one in (*made.groups, made.total)]
    lines = [f"{made.unreadable} records could not be read."] if made.unreadable else []
    if not made.total.jobs:
        lines.append("No job was submitted in this time.")
    if made.total.saving.unknown:
        lines.append(f"{made.total.saving.unknown} spot jobs have no settled bill; --settle asks for those that ended.")
    if html is not None:
        lines.append(f"Page: {html}")
    document = {"command": "train report", **made.as_json(), "page": str(html) if html else None, "settled": settled}
    return Result(document, lines=tuple(lines), tables=(Table((made.by, *COLUMNS), rows if made.total.jobs else []),))
