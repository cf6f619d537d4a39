"""`slipway train list|show|cancel|logs`: what became of jobs, and stopping them."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import json
import sys
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from glue.aws.dynamodb import Item
    from glue.aws.logs import Line
    from glue.training_queue import Queue

COLUMNS = ("submitted", "job", "status", "attempt", "owner", "model", "kind", "on", "reason")
_STATUSES = ("New", "Launched", "Completed", "Failed", "Stopped")
_LOG_LINES = 10_000  # in a JSON result; what is printed as it is read has no limit


@click.command("list", short_help="Show the newest jobs.")
@options.environment
@click.option("--owner", metavar="NAME", help="Only this owner's.")
@click.option("--model", metavar="NAME", help="Only this model's.")
@click.option("--status", type=click.Choice(_STATUSES, case_sensitive=False), help="Only those in this status.")
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="Submitted since: 2026-01-31, or 7d.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="The newest N jobs.")
@options.command()
def list_(
    app: App, *, environment: str, owner: str | None, model: str | None, status: str | None, since: str, limit: int
) -> Result:
    """Show the newest jobs of an environment's queue, the newest first."""
    from glue import training_jobs, training_queue
    from glue.training_times import moment

    now = int(time.time() * 1000)
    begin = moment(since, "--since", now=now)
    queue = training_queue.open_queue(app.accounts, app.estate.environment(environment))
    wanted = training_jobs.Wanted(owner, model, status)
    items = training_jobs.newest(queue, wanted, since=begin, until=now, limit=limit)
    document = {"command": "train list", "environment": environment, "jobs": list(map(_document, items))}
    lines = () if items else ("No job is like that.",)
    return Result(document, lines=lines, tables=(Table(COLUMNS, list(map(_row, items))),))


@click.command(short_help="Show all that is known of a job.")
@click.argument("job")
@options.environment
@options.command()
def show(app: App, *, job: str, environment: str) -> Result:
    """Show JOB: its document, how far it is and why, each attempt as SageMaker knows it, and the release made of it.

    A job that the table has let go is shown from its history record.
    """
    from glue import training_jobs, training_queue
    from glue.training_wait import release_of

    where = app.estate.environment(environment)
    queue = training_queue.open_queue(app.accounts, where)
    found = queue.find(job)
    item = found or training_jobs.past(queue, job)
    attempts = list(training_jobs.attempts(queue, item))
    release = release_of(queue.session.artifacts(), str(item[training_queue.KEY]))
    document = {
        "command": "train show",
        "environment": environment,
        "job": _document(item),
        "from_history": found is None,
        "attempts": [_attempt(one) for one in attempts],
        "release": release,
    }
    rows = [_attempt_row(one) for one in attempts]
    facts = [*_facts(item), *_release_facts(release)]
    return Result(
        document,
        lines=(_pretty(item),),
        tables=(Table(("what", "value"), facts), Table(("attempt", "name", "status", "on", "s", "reason"), rows)),
    )


@click.command(short_help="Stop jobs.")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@options.environment
@options.command(dry_run=True, asks=True)
def cancel(app: App, *, jobs: tuple[str, ...], environment: str) -> Result:
    """Stop jobs: one that waits is stopped at once, one that runs is asked to stop and never tried again.

    Exit code 3 when one of them is not known; the others are stopped.
    """
    from glue import training_jobs, training_queue

    queue = training_queue.open_queue(app.accounts, app.estate.environment(environment))
    if app.dry_run:
        known = [job for job in jobs if training_queue.is_id(job)]
        items = queue.table.get_all(training_queue.KEY, known, fields=("JobStatus",))
        found = {job: str(items[job]["JobStatus"]) if job in items else training_jobs.UNKNOWN for job in jobs}
    else:
        asks = not app.yes and len(jobs) > 1 and sys.stdin.isatty() and sys.stderr.isatty()
        if asks and not click.confirm(f"Stop {len(jobs)} jobs of {environment}?", err=True):
            raise RefusedError("nothing was stopped")
        found = training_jobs.cancel(queue, jobs)
    unknown = [job for job, status in found.items() if status == training_jobs.UNKNOWN]
    changed = any(status in {training_jobs.STOPPED, training_jobs.STOPPING} for status in found.values())
    return Result(
        {"command": "train cancel", "environment": environment, "jobs": found, "changed": changed},
        lines=("Dry run: nothing was stopped.",) if app.dry_run else (),
        tables=(Table(("job", "status"), list(found.items())),),
        exit_code=3 if unknown else 0,
    )


@click.command(short_help="Show what a job's containers wrote.")
@click.argument("job")
@options.environment
@click.option("--follow", is_flag=True, help="Go on until the attempt has ended.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Attempt. [default: the last one]")
@options.command()
def logs(app: App, *, job: str, environment: str, follow: bool, attempt: int | None) -> Result:
    """Show the log of JOB's containers in CloudWatch, oldest line first."""
    from glue import training_jobs, training_logs, training_queue

    if follow and app.style != "table":
        raise UsageError("--follow prints lines as they come", remedy="Leave out --format, or --follow.")
    queue = training_queue.open_queue(app.accounts, app.estate.environment(environment))
    if follow:
        _print(training_logs.follow(queue, job, attempt, sleep=time.sleep))
        return Result({}, lines=())
    item = queue.find(job) or training_jobs.past(queue, job)
    number = training_logs.attempt_of(item, attempt)
    lines = training_logs.read(queue, item, number)
    if app.style == "table":
        printed = _print(lines)
        return Result({}, lines=() if printed else (_none(queue, item, number),))
    return _log_document(environment, job, number, lines)


def _none(queue: Queue, item: Item, number: int) -> str:
    from glue.training_logs import place

    group, streams = place(item, number)
    return f"Nothing was written yet: log group {group}, streams {streams}* ({queue.environment.name})."


def _print(lines: Iterable[Line]) -> int:
    """Print lines as they come, and return how many."""
    from glue.core.audit import clean

    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007 - the count of all
        click.echo(clean(line.text.rstrip("\n")))
    return count


def _log_document(environment: str, job: str, number: int, lines: Iterable[Line]) -> Result:
    from collections import deque

    kept = deque(lines, maxlen=_LOG_LINES + 1)
    cut = len(kept) > _LOG_LINES
    shown = list(kept)[-_LOG_LINES:]
    document = {
        "command": "train logs",
        "environment": environment,
        "job": job,
        "attempt": number,
        "lines": [{"at": line.at, "stream": line.stream, "text": line.text} for line in shown],
        "cut": cut,
    }
    return Result(document, lines=tuple(line.text.rstrip("\n") for line in shown))


# how a job is shown


def _document(item: Item) -> dict[str, object]:
    """Return an item for a JSON result: its document as such, and not as text."""
    found = {name: value for name, value in item.items() if name not in {"due_shard", "open_shard", "week"}}
    return {**found, "JobArgs": _arguments(item)}


def _arguments(item: Item) -> object:
    try:
        arguments: object = json.loads(str(item.get("JobArgs", "null")))
    except ValueError:
        return item.get("JobArgs")
    return arguments


def _pretty(item: Item) -> str:
    return json.dumps(_arguments(item), indent=2, ensure_ascii=False)


def _row(item: Item) -> tuple[str, ...]:
    from glue.training_times import text

    return (
        text(item.get("submitted_at")),
        str(item.get("JobId")),
        str(item.get("JobStatus")),
        str(item.get("attempt", 0)),
        _clean(item.get("owner")),
        _clean(item.get("model")),
        _clean(item.get("kind")),
        _on(item),
        _clean(item.get("reason"))[:80],
    )


def _on(item: Item) -> str:
    count = item.get("instance_count", 1)
    return f"{count} {item.get('instance_type', '-')} {item.get('purchase', '')}".strip()


def _facts(item: Item) -> list[tuple[str, str]]:
    from glue.training_times import text

    times = ("submitted_at", "due_at", "launched_at", "started_at", "ended_at", "stop_requested_at")
    plain = ("JobId", "JobStatus", "reason", "owner", "submitted_by", "model", "kind", "priority", "attempt")
    more = ("spot_attempts", "transient", "algorithm", "waits_for", "training_seconds", "cost_usd", "best")
    ended = item.get("JobStatus") != "New"
    rows = [(name, _clean(item[name])) for name in plain if item.get(name) is not None]
    rows.append(("on", _on(item)))
    rows += [
        ("next attempt" if name == "due_at" else name.removesuffix("_at"), text(item[name]))
        for name in times
        if item.get(name) is not None and not (name == "due_at" and ended)
    ]
    return [*rows, *((name, _clean(item[name])) for name in more if item.get(name) is not None)]


def _release_facts(release: Mapping[str, object] | None) -> list[tuple[str, str]]:
    if release is None:
        return []
    reasons = release.get("reasons")
    why = f": {'; '.join(map(str, reasons))}" if isinstance(reasons, list) and reasons else ""
    return [("release", _clean(f"{release.get('release') or ''} {release.get('result')}{why}".strip()))]


def _attempt(one: Any) -> dict[str, object]:
    return {
        "attempt": one.number,
        "name": one.name,
        "kind": str(one.kind),
        "status": one.status,
        "reason": one.reason,
        "described": {k: v for k, v in (one.described or {}).items() if k != "ResponseMetadata"},
    }


def _attempt_row(one: Any) -> tuple[str, ...]:
    found = one.described or {}
    resources = found.get("ResourceConfig") or found.get("ProcessingResources", {}).get("ClusterConfig") or {}
    spot = " spot" if found.get("EnableManagedSpotTraining") else ""
    on = f"{resources.get('InstanceCount', '')} {resources.get('InstanceType', '')}{spot}".strip() or "-"
    seconds = found.get("TrainingTimeInSeconds")
    return (str(one.number), one.name, one.status, on, "-" if seconds is None else str(seconds), _clean(one.reason))


def _clean(value: object) -> str:
    from glue.core.audit import clean

    return "-" if value is None else " ".join(clean(str(value)).split())
