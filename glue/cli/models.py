"""`slipway models`: which models a range of commits touches."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.changed import Changed
    from glue.core.changed import Reason, Touched

REASONS = 50  # of a model in the JSON document; the count says how many there are


@click.group(short_help="Say which models a range of commits touches.")
def models() -> None:
    """Say which models a range of commits touches."""


@models.command()
@click.option("--since", metavar="COMMIT", help="Where the range begins: a branch, a tag, a commit.")
@click.option("--until", metavar="COMMIT", default="HEAD", show_default=True, help="Where it ends.")
@click.option("--all", "everything", is_flag=True, help="All models, whatever changed.")
@click.option("--direct", is_flag=True, help="Compare with COMMIT itself, not with where the two parted.")
@click.option("--worktree", is_flag=True, help="Also what is not committed.")
@options.command()
def changed(app: App, *, since: str | None, until: str, everything: bool, direct: bool, worktree: bool) -> Result:
    """Say which models changed, why, and what each needs: a new image, a new training.

    A model changes with its own folder, with image/ and requirements/image.txt, and with what `depends` in its
    model.toml names. Compared is COMMIT's merge base with --until: what this side changed, as a pull request shows it.
    A COMMIT of zeros (a new branch), and one that a rewritten history has lost, mean that everything changed.
    """
    from glue.changed import changed_models

    if (since is None) != everything:
        raise UsageError("give either --since or --all", remedy="For example: --since origin/main.")
    if worktree and until != "HEAD":
        raise UsageError("--worktree is what comes after HEAD: it goes without --until")
    found = changed_models(app.workspace.root, since=since, until=until, worktree=worktree, direct=direct)
    for warning in found.warnings:
        app.console.warn(warning)
    return Result(_document(found), lines=_lines(found), tables=(_table(found),))


def _document(found: Changed) -> dict[str, object]:
    compared = found.range
    return {
        "command": "models changed",
        "since": compared.since or None,
        "bases": list(compared.bases),
        "until": compared.until,
        "until_commit": compared.until_commit,
        "worktree": compared.worktree,
        "everything": compared.everything or None,
        "changed_files": len(found.changes),
        "models": [_model(model) for model in found.models],
        "image": list(found.needing("image")),
        "train": list(found.needing("train")),
        "deleted": list(found.deleted),
        "unchanged": sorted(set(found.known) - {model.model for model in found.models}),
        "warnings": list(found.warnings),
    }


def _model(model: Touched) -> dict[str, object]:
    return {
        "model": model.model,
        "stages": list(model.stages),
        "reasons": [_reason(reason) for reason in model.reasons[:REASONS]],
        "reason_count": len(model.reasons),
    }


def _reason(reason: Reason) -> dict[str, object]:
    from glue.core.changed import shown

    return {
        "why": reason.why,
        "change": reason.change,
        "path": shown(reason.path) or None,
        "from": shown(reason.source) if reason.source else None,
        "pattern": reason.pattern,
        "stages": list(reason.stages),
    }


def _table(found: Changed) -> Table:
    rows = [(it.model, ", ".join(it.stages) or "nothing", _because(it)) for it in found.models]
    rows += [(name, "deleted", "its folder is gone: nothing is built") for name in found.deleted]
    return Table(("model", "needs", "because"), rows)


def _because(model: Touched) -> str:
    from glue.core.changed import shown

    first = model.reasons[0]
    more = f", and {len(model.reasons) - 1} more" if len(model.reasons) > 1 else ""
    return f"{first.change} {shown(first.path)}{more}" if first.path else first.change


def _lines(found: Changed) -> tuple[str, ...]:
    compared = found.range
    where = f"{compared.until} ({compared.until_commit[:12]})"
    count = f"{len(found.models)} of {len(found.known)} models"
    if compared.everything:
        return (f"{count} at {where}: {compared.everything}.",)
    since = " and ".join(base[:12] for base in compared.bases)
    said = f"{count} are touched by {len(found.changes)} changed files from {since} to {where}"
    return (f"{said}{' and the working tree' if compared.worktree else ''}.",)
