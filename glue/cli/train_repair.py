"""`slipway train redrive|release`: what the queue's functions gave up on, done again."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import time

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import RefusedError

_QUEUES = ("events", "releases", "failures")


@click.command(short_help="Try again what the queue's functions gave up on.")
@options.environment
@click.option("--queue", "names", type=click.Choice(_QUEUES), multiple=True, help="One of them. [default: all]")
@options.command(dry_run=True)
def redrive(app: App, *, environment: str, names: tuple[str, ...]) -> Result:
    """Try again what the queue's functions gave up on, after the cause was mended.

    events: ends of jobs that could not be taken in. releases: completed jobs that could not become releases.
    failures: ended jobs whose owners were not told, and scheduled jobs that could not be submitted.
    Exit code 1 when something could not be done.
    """
    from glue import training_queue, training_redrive

    queue = training_queue.open_queue(app.accounts, app.estate.environment(environment))
    done = []
    for name in names or _QUEUES:
        app.console.step(f"Queue {name}")
        if app.dry_run:
            waiting = training_redrive.waiting(queue, name)
            done.append(training_redrive.Redriven(name, waiting, status="dry run"))
        elif name == training_redrive.FAILURES:
            now = int(time.time() * 1000)
            done.append(training_redrive.repair(queue, now=now, say=app.console.say, sleep=time.sleep))
        else:
            done.append(training_redrive.deliver(queue, name, timeout_s=120, sleep=time.sleep, clock=time.monotonic))
    rows = [
        (one.queue, str(one.waiting), str(one.moved), str(len(one.repaired) + len(one.submitted)), one.status)
        for one in done
    ]
    failed = [f"{one.queue}: {job}: {why}" for one in done for job, why in one.failed.items()]
    return Result(
        {
            "command": "train redrive",
            "environment": environment,
            "queues": [one.as_json() for one in done],
            "changed": any(one.moved or one.repaired or one.submitted for one in done),
        },
        lines=tuple(failed),
        tables=(Table(("queue", "waiting", "moved", "jobs done again", "status"), rows),),
        exit_code=1 if failed else 0,
    )


@click.command(short_help="Make the release of a completed job.")
@click.argument("job")
@options.environment
@options.command()
def release(app: App, *, job: str, environment: str) -> Result:
    """Make the release of JOB here, when the queue's function could not: a completed training with release settings.

    It is checked against the same bounds, and is the same release when it was made before. Exit code 3 when the metrics
    are out of bounds.
    """
    from glue import training_queue
    from glue.core.training.record import from_item
    from glue.training_release import release_job

    where = app.estate.environment(environment)
    record = from_item(training_queue.open_queue(app.accounts, where).item(job))
    outcome = release_job(record, session=app.accounts.session(where))
    if outcome.result == "refused":
        raise RefusedError(f"{job} became no release: {'; '.join(outcome.reasons)}")
    good = outcome.result == "released"
    made = f"{outcome.release}: {'made' if outcome.created else 'it was there already'}"
    return Result(
        {
            "command": "train release",
            "environment": environment,
            "job": job,
            "result": outcome.result,
            "release": outcome.release,
            "reasons": list(outcome.reasons),
            "package_arn": outcome.package_arn,
            "changed": bool(outcome.created),
        },
        lines=(made if good else f"{job} became no release: {'; '.join(outcome.reasons)}",),
        exit_code=0 if good else 1,
    )
