"""`slipway touched`: which stacks a range of commits touches."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import json
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError
from glue.workspace import STACKS

if TYPE_CHECKING:
    from glue.core.touched import TouchedStack
    from glue.touched import Found

REASONS = 20  # of a stack in the JSON document; one more says how many are left out


@click.command(short_help="Say which stacks a range of commits touches.")
@click.option("--since", metavar="COMMIT", help="Where the range begins: a branch, a tag, a commit.")
@click.option("--until", metavar="COMMIT", default="HEAD", show_default=True, help="Where it ends.")
@click.option("--all", "everything", is_flag=True, help="All stacks, whatever changed.")
@click.option("--direct", is_flag=True, help="Compare with COMMIT itself, not with where the two parted.")
@click.option("--worktree", is_flag=True, help="Also what is not committed.")
@click.option("--env", "environments", multiple=True, metavar="ENV", help="Of this environment only; may be repeated.")
@click.option("--stack", "stacks", multiple=True, type=click.Choice(STACKS), help="Of this root only; may be repeated.")
@options.command(forms=("github",))
def touched(
    app: App, *, since: str | None, until: str, everything: bool, direct: bool, worktree: bool,
    environments: tuple[str, ...], stacks: tuple[str, ...],
) -> Result:  # fmt: skip
    """Say which stacks a range of commits touches, and why: an environment's bootstrap, foundation, an endpoint.

    A stack changes with its environment's data, with its root and the modules that it calls, nested, with the files
    that are packed into its functions, and with what pins Terraform and the provider. A file that nobody can place
    touches everything. An endpoint or environment whose data was deleted is told as gone, with what to do: Terraform
    still holds it. The form github is lines for $GITHUB_OUTPUT: any, count, everything, gone, matrix.
    """
    from glue.touched import touched_stacks

    if (since is None) != everything:
        raise UsageError("give either --since or --all", remedy="For example: --since origin/main.")
    if worktree and until != "HEAD":
        raise UsageError("--worktree is what comes after HEAD: it goes without --until")
    found = touched_stacks(app.workspace.root, since=since, until=until, worktree=worktree, direct=direct)
    _check_known(found, environments)
    chosen = [
        it
        for it in found.touched.stacks
        if (not environments or it.which.env in environments) and (not stacks or it.which.stack in stacks)
    ]
    for warning in found.warnings:
        app.console.warn(warning)
    for it in chosen:
        if it.gone:
            app.console.warn(f"its data is gone, and Terraform still holds it. {remedy(it)}", of=it.which.label)
    return Result(
        _document(found, chosen),
        lines=_lines(found, chosen),
        tables=(_table(chosen),),
        texts={"github": _github(found, chosen)},
    )


def _check_known(found: Found, environments: tuple[str, ...]) -> None:
    known = {which.env for which in found.touched.known} | {it.which.env for it in found.touched.stacks}
    for name in environments:
        if name not in known:
            raise UsageError(f"there is no environment {name!r}", remedy=f"Known: {', '.join(sorted(known))}.")


def remedy(stack: TouchedStack) -> str:
    """Return what to do about a stack whose data is gone."""
    return (
        f"Bring the data of {stack.which.label} back and destroy it from there (docs/review/touched.md), or leave it "
        "as it is: nothing that plans this range takes it away."
    )


def _document(found: Found, stacks: list[TouchedStack]) -> dict[str, object]:
    from glue.core.touched import matrix

    compared = found.range
    return {
        "command": "touched",
        "since": compared.since or None,
        "bases": list(compared.bases),
        "until": compared.until,
        "until_commit": compared.until_commit,
        "worktree": compared.worktree,
        "everything": found.touched.everything,
        "changed_files": len(found.changes),
        "stacks": [_stack(it) for it in stacks],
        "matrix": {"include": matrix(stacks)},
        "known": len(found.touched.known),
        "warnings": list(found.warnings),
    }


def _stack(it: TouchedStack) -> dict[str, object]:
    more = [f"and {len(it.why) - REASONS} more"] if len(it.why) > REASONS else []
    return {
        "env": it.which.env,
        "stack": it.which.stack,
        "endpoint": it.which.endpoint,
        "why": [*it.why[:REASONS], *more],
        "gone": it.gone,
        "remedy": remedy(it) if it.gone else None,
    }


def _github(found: Found, stacks: list[TouchedStack]) -> str:
    """Return lines of name=value: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions."""
    from glue.core.touched import matrix

    include = matrix(stacks)
    values = {
        "any": "true" if include else "false",  # a matrix without entries fails its job
        "count": str(len(include)),
        "everything": "true" if found.touched.everything else "false",
        "gone": ",".join(it.which.label for it in stacks if it.gone),
        "matrix": json.dumps({"include": include}, separators=(",", ":")),
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _table(stacks: list[TouchedStack]) -> Table:
    rows = []
    for it in stacks:
        more = f", and {len(it.why) - 1} more" if len(it.why) > 1 else ""
        rows.append((it.which.env, it.which.stack, it.which.endpoint or "", f"{'GONE: ' * it.gone}{it.why[0]}{more}"))
    return Table(("env", "stack", "endpoint", "because"), rows)


def _lines(found: Found, stacks: list[TouchedStack]) -> tuple[str, ...]:
    compared = found.range
    where = f"{compared.until} ({compared.until_commit[:12]})"
    count = f"{sum(not it.gone for it in stacks)} of {len(found.touched.known)} stacks"
    gone = sum(it.gone for it in stacks)
    left = f" {gone} more {'is' if gone == 1 else 'are'} gone from the data, not from AWS." if gone else ""
    if found.touched.everything:
        return (f"{count} at {where}: {found.touched.everything}.{left}",)
    since = " and ".join(base[:12] for base in compared.bases)
    tail = " and the working tree" if compared.worktree else ""
    return (f"{count} are touched by {len(found.changes)} changed files from {since} to {where}{tail}.{left}",)
