"""`slipway prune`: removes what no revision needs any more."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import RefusedError

if TYPE_CHECKING:
    from glue.core.retention import Freed
    from glue.pruning import PrunePlan, Pruner


@click.command(short_help="Remove revisions, releases and images that nobody needs.")
@options.environment
@options.endpoint()
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Revisions to keep beside live. [default: setting]")
@options.command(dry_run=True, asks=True)
def prune(app: App, *, environment: str, endpoint: str | None, keep: int | None) -> Result:
    """Keep the live revision and N others of each endpoint, and remove what nobody needs then.

    Configs and models go by Terraform, with the endpoint untouched; images and files of releases that left a revisions
    file go when no endpoint, no running instance and no environment behind this one needs them. Evidence and audit
    records stay. On a terminal it asks first; elsewhere it needs --yes. N is retention.revisions of the environment.
    """
    from glue.core import roles
    from glue.pruning import Pruner, choose

    where = app.estate.environment(environment)
    chosen = choose(app.estate, environment, endpoint)
    with ExitStack() as held:
        if not app.dry_run:
            for name in app.estate.endpoints(environment):
                held.enter_context(app.alone(where, name))
            app.may_deploy(where)
        session = app.accounts.session(where, roles.PRUNE)
        trail = app.trail(where, session)
        pruner = Pruner(
            estate=app.estate,
            session=session,
            prover=app.accounts.session(where),
            stacks=app.stacks,
            trail=trail,
            console=app.console,
        )
        plan = pruner.plan(endpoints=chosen, keep=where.kept_revisions if keep is None else keep)
        if plan.empty:
            return _result(plan, plan.freed, changed=False, lines=(_nothing(plan),))
        if app.dry_run:
            return _result(plan, plan.freed, changed=False, lines=("Dry run: nothing was removed.", _would(plan)))
        _ask(app, plan)
        return _carry_out(pruner, plan)


def _carry_out(pruner: Pruner, plan: PrunePlan) -> Result:
    done = pruner.carry_out(plan)
    line = f"Removed {_many(plan.removed, 'revision')}, {_files(done.freed)}: {_size(done.freed.bytes)} freed."
    note = "Deleted files can be restored by their versions until the store's retention.noncurrent_days are over."
    return _result(plan, done.freed, changed=True, lines=(line, *((note,) if done.freed.releases else ())))


def _ask(app: App, plan: PrunePlan) -> None:
    if app.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError(f"nobody can be asked here, and nothing was removed. {_would(plan)}", remedy="Say --yes.")
    for table in _tables(plan, plan.freed):
        app.console.say("\n".join("  ".join(row) for row in table.rows))
    if not click.confirm(f"{_would(plan)} Go on?", err=True):
        raise RefusedError("nothing was removed, because the answer was no")


def _nothing(plan: PrunePlan) -> str:
    kept = sum(len(entry.kept) for entry in plan.endpoints)
    releases = _many(len(plan.freed.kept), "release")
    return f"Nothing to do: {_many(kept, 'revision')} and {releases} looked at, all of them are kept."


def _would(plan: PrunePlan) -> str:
    text = f"{_many(plan.removed, 'revision')} would go, {_files(plan.freed)}: {_size(plan.freed.bytes)}."
    return text + (
        f" Unfinished since an earlier prune: {', '.join(sorted(plan.unfinished))}." if plan.unfinished else ""
    )


def _files(freed: Freed) -> str:
    files = _many(sum(entry.files for entry in freed.releases), "file")
    return f"{_many(len(freed.releases), 'release')} with {files} and {_many(len(freed.images), 'image')}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes"


def _tables(plan: PrunePlan, freed: Freed) -> tuple[Table, ...]:
    revisions = [(e.endpoint, name, "removed", why) for e in plan.endpoints for name, why in e.removed.items()]
    revisions += [(e.endpoint, n, "kept", "live" if n == e.after.live else "") for e in plan.endpoints for n in e.kept]
    removed = [(entry.release, "removed", _size(entry.bytes)) for entry in freed.releases]
    removed += [(f"{image.repository}@{image.digest[:19]}", "removed", _size(image.bytes)) for image in freed.images]
    kept = [(entry.release, "kept", entry.why) for entry in freed.kept]
    return (
        Table(("endpoint", "revision", "what", "why"), revisions),
        Table(("release or image", "what", "size or why"), removed + kept),
    )


def _result(plan: PrunePlan, freed: Freed, *, changed: bool, lines: tuple[str, ...]) -> Result:
    document = {
        "command": "prune",
        "environment": plan.environment.name,
        "keep": plan.keep,
        "endpoints": [
            {
                "endpoint": entry.endpoint,
                "live": entry.after.live,
                "kept": list(entry.kept),
                "removed": [{"revision": name, "why": why} for name, why in entry.removed.items()],
                "unfinished": entry.endpoint in plan.unfinished,
            }
            for entry in plan.endpoints
        ],
        "releases": [
            {"release": entry.release, "files": entry.files, "bytes": entry.bytes} for entry in freed.releases
        ],
        "images": [
            {"repository": image.repository, "digest": image.digest, "bytes": image.bytes} for image in freed.images
        ],
        "kept_releases": [{"release": entry.release, "why": entry.why} for entry in freed.kept],
        "bytes": freed.bytes,
        "changed": changed,
    }
    return Result(document, lines=lines, tables=_tables(plan, freed))
