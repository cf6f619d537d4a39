"""`slipway comment`: one comment on a pull request, or one issue, kept up to date."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.commenting import Done


@click.command()
@click.option("--pull-request", type=click.IntRange(min=1), metavar="N", help="Comment on this pull request.")
@click.option("--issue", metavar="TITLE", help="Keep one open issue with this title instead.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Markdown, as `slipway review --markdown FILE` writes it.")  # fmt: skip
@click.option("--scope", metavar="NAME", help="Which comment it is. [default: as the file's first line says]")
@click.option("--label", "labels", multiple=True, metavar="LABEL",
              help="Label to set; risk:high replaces other risk:*. `auto`: the file's grade. Repeatable.")  # fmt: skip
@click.option("--close", is_flag=True, help="Close the issue of --scope, if one is open.")
@click.option("--author", metavar="LOGIN", help="Who we are, for an app's token. [default: GitHub says it]")
@options.command(dry_run=True)
def comment(
    app: App,
    *,
    pull_request: int | None,
    issue: str | None,
    file: Path | None,
    scope: str | None,
    labels: tuple[str, ...],
    close: bool,
    author: str | None,
) -> Result:
    """Post a review as one comment, or update it.

    The comment is found by its first line and its author: nobody else's is touched. GITHUB_REPOSITORY and
    GITHUB_TOKEN say where, GITHUB_API_URL when it is not github.com.
    """
    from glue import commenting
    from glue.github import GitHub

    if close:
        if scope is None or file or pull_request or issue:
            raise UsageError("--close goes with --scope alone", remedy="Such as: slipway comment --close --scope drift")
        done = None if app.dry_run else commenting.close_issue(GitHub.of(app.environ, author=author), scope)
        return _result(done or commenting.Done("unchanged", 0), "issue", scope)
    if (pull_request is None) == (issue is None) or file is None:
        raise UsageError("give --file, and either --pull-request or --issue")
    text = commenting.comment_of(file, scope)
    wanted = text.labels(labels)
    if app.dry_run:
        where = f"#{pull_request}" if issue is None else f"issue {issue!r}"
        line = f"would write {text.scope} ({len(text.body):,} characters) to {where}, labels {wanted}"
        return Result({"scope": text.scope, "what": "dry run", "labels": wanted}, lines=(line,))
    github = GitHub.of(app.environ, author=author)
    if pull_request is not None:
        return _result(commenting.on_pull_request(github, pull_request, text, labels=wanted), "comment", text.scope)
    return _result(commenting.as_issue(github, issue or "", text, labels=wanted), "issue", text.scope)


def _result(done: Done, kind: str, scope: str) -> Result:
    document = {
        "scope": scope,
        "what": done.what,
        kind: done.number or None,
        "doubles_removed": done.removed,
        "labels_added": list(done.labels_added),
        "labels_removed": list(done.labels_removed),
    }
    labels = [f"label {name}" for name in done.labels_added] + [f"without {name}" for name in done.labels_removed]
    return Result(document, lines=(f"{kind} {scope}: {', '.join([done.what, *labels])}",))
