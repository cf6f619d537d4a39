"""`slipway train submit`: job files into the queue."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.core.overrides import Override
    from glue.training_ids import Ids
    from glue.training_queue import Queue
    from glue.training_submit import Job, Preparer, Sent
    from glue.training_wait import Waited

_SHOWN = 50
_PATHS = click.Path(exists=True, path_type=Path)


@click.command(short_help="Submit jobs: files, or folders of them.")
@click.argument("paths", nargs=-1, required=True, type=_PATHS, metavar="FILE|FOLDER...")
@options.environment
@click.option("--image", metavar="COMMIT|DIGEST", help="Image of all of them: a commit that was pushed, or sha256:….")
@click.option("--set", "changes", multiple=True, metavar="PATH=VALUE", help="Change a value in all; several times.")
@click.option("--wait", is_flag=True, help="Wait until all have ended, and become releases if they should.")
@click.option("--timeout-minutes", type=click.FloatRange(0), default=720, show_default=True, help="Of --wait.")
@options.command(dry_run=True, asks=True)
def submit(
    app: App,
    *,
    paths: tuple[Path, ...],
    environment: str,
    image: str | None,
    changes: tuple[str, ...],
    wait: bool,
    timeout_minutes: float,
) -> Result:
    """Submit the jobs in files and folders (YAML or JSON, one or many documents in a file) to an environment's queue.

    Each is checked here and, before it is stored, by the queue. The same id and the same content again is known, and
    changes nothing; another content is refused. One that is refused hides no other. A document without an id gets one;
    when the call is killed, the same call goes on with the same ids.

    --set arguments.HyperParameters.seed=7 changes a value: a text stays a text. --image names the image by digest.
    Exit code 3 when one was refused or has not ended in time, 1 when one could not be sent or did not complete.
    """
    from glue import training_queue, training_submit

    where = app.estate.environment(environment)
    overrides = _overrides(changes)
    queue = training_queue.open_queue(app.accounts, where)
    sent: list[Sent] = []
    for one in _sent(app, queue, paths, image, overrides):
        sent.append(one)
        if one.status in {training_submit.REFUSED, training_submit.UNSENT}:
            app.console.warn(f"{one.status}: {_why(one)}", of=one.where)
        if len(sent) % 500 == 0:
            app.console.say(f"{len(sent)} documents so far")
    waited: dict[str, Waited] = {}
    if wait and not app.dry_run:
        ids = [one.id for one in sent if one.id and one.status in {training_submit.SUBMITTED, training_submit.KNOWN}]
        waited = _waited(app, queue, ids, timeout_minutes * 60)
    return _result(environment, sent, waited, dry_run=app.dry_run)


def _overrides(changes: Sequence[str]) -> list[Override]:
    from glue.core import overrides

    try:
        return [overrides.parse(text) for text in changes]
    except ValueError as error:
        raise UsageError(f"--set: {error}") from error


def _sent(
    app: App, queue: Queue, paths: Sequence[Path], image: str | None, changes: Sequence[Override]
) -> Iterator[Sent]:
    from glue import locks, training_files, training_submit
    from glue.training_ids import Ids, journal

    where = queue.environment
    words = [str(path.resolve()) for path in paths] + [image or "", *(f"{one.shown}={one.text}" for one in changes)]
    path = journal(app.workspace.work / "train", where.name, *words)
    unsent = False
    with locks.held(path.with_suffix(".lock"), what="these job files"), Ids(path, _new_id, keep=not app.dry_run) as ids:
        if ids.resumes:
            app.console.say(f"an earlier call was not finished: {ids.resumes} documents keep the ids that it gave")
        prepared = map(_preparer(queue, image, changes, ids), training_files.entries(paths))
        if app.dry_run:
            yield from map(_checked, prepared)
            return
        for one in training_submit.submit(prepared, queue.submitting.post):
            unsent = unsent or one.status == training_submit.UNSENT
            yield one
        if not unsent:
            ids.finish()


def _checked(one: Job | Sent) -> Sent:
    from glue.training_submit import CHECKED, Sent

    return one if isinstance(one, Sent) else Sent(one.where, one.id, CHECKED)


def _new_id(document: Mapping[str, object]) -> str:
    from glue.core.training import job
    from glue.core.training.words import Kind
    from glue.training_submit import nonce

    kind = Kind.TUNING if document.get("kind") == Kind.TUNING else Kind.TRAINING
    return job.new_id(str(document.get("model")), int(time.time() * 1000), nonce(), kind=kind)


def _preparer(queue: Queue, image: str | None, changes: Sequence[Override], ids: Ids) -> Preparer:
    from glue.training_check import Checker, Images
    from glue.training_submit import Preparer

    return Preparer(changes, image, Images(queue), Checker(queue.settings, queue.session.principal), ids)


def _waited(app: App, queue: Queue, ids: Sequence[str], timeout_s: float) -> dict[str, Waited]:
    from glue.training_wait import Waiter, release_of

    bucket = queue.session.artifacts()
    waiter = Waiter(
        queue.table,
        lambda job: release_of(bucket, job),
        say=app.console.say,
        sleep=time.sleep,
        clock=time.monotonic,
    )
    return waiter.wait(ids, timeout_s=timeout_s) if ids else {}


def _result(environment: str, sent: Sequence[Sent], waited: dict[str, Waited], *, dry_run: bool) -> Result:
    jobs = [_document(one, waited.get(one.id or "")) for one in sent]
    counts = Counter(one.status for one in sent)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    lines = [f"Dry run: {said}" if dry_run else said]
    if waited:
        ended = Counter(one.text for one in waited.values())
        lines.append(", ".join(f"{count} {text}" for text, count in sorted(ended.items())))
    bad = [one for one in sent if one.errors] or ([] if waited else list(sent))
    rows = [(one.where, one.id or "-", one.status, _why(one) or "-") for one in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        lines.insert(0, f"{len(bad) - _SHOWN} more; --format json has all.")
    ends = [one for one in waited.values() if len(waited) <= _SHOWN or not one.good][:_SHOWN]
    return Result(
        {
            "command": "train submit",
            "environment": environment,
            "dry_run": dry_run,
            "jobs": jobs,
            "counts": dict(counts),
            "changed": counts["submitted"] > 0,
        },
        lines=tuple(lines),
        tables=(
            Table(("file", "job", "submission", "why"), rows),
            Table(("job", "status", "attempt", "release", "reason"), [_row(one) for one in ends]),
        ),
        exit_code=_exit_code(counts, waited),
    )


def _why(one: Sent) -> str:
    from glue.core.audit import clean

    return " ".join(clean("; ".join(one.errors)).split())


def _document(one: Sent, waited: Waited | None) -> dict[str, object]:
    found = one.as_json()
    found["submission"] = found.pop("status")
    return found if waited is None else {**found, **waited.as_json()}


def _row(one: Waited) -> tuple[str, ...]:
    return (one.job, one.text, str(one.attempt), one.release or "-", one.reason or "-")


def _exit_code(counts: Counter[str], waited: dict[str, Waited]) -> int:
    if counts["unsent"] or any(one.over and not one.good for one in waited.values()):
        return 1
    return 3 if counts["refused"] or any(not one.over for one in waited.values()) else 0
