"""`slipway review`: what a plan does, in words, and how dangerous it is."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result
from glue.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from glue.review.show.report import Report
    from glue.review_sources import Source

_OUT = click.Path(dir_okay=False, writable=True, path_type=Path)
_IN = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUTS = ("json", "markdown", "sarif", "html")
_GATES = ("low", "medium", "high", "forbidden", "never")


def _out(name: str, text: str) -> Callable[[options.Function], options.Function]:
    return click.option(f"--{name}", f"{name}_file", type=_OUT, metavar="FILE", help=text)


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--chdir", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER",
              help="The initialised root of a saved plan. [default: the bundle says it]")  # fmt: skip
@click.option("--gate", type=click.Choice(_GATES), default="forbidden", show_default=True,
              help="Exit with 3 from this grade on.")  # fmt: skip
@click.option("--exceptions", type=_IN, metavar="FILE",
              help="Reviewed exceptions. [default: policy/review-exceptions.toml, if it is there]")  # fmt: skip
@click.option("--prices", type=_IN, metavar="FILE", help="Prices. [default: the snapshot in this package]")
@click.option("--region", metavar="REGION", help="Region of what a plan says none of.")
@click.option("--diff", "since", metavar="SINCE", help="Review the data files since a git ref; no plan, less sure.")
@click.option("--until", metavar="REF", help="With --diff: up to this ref. [default: the files as they are]")
@click.option("--scope", default="plan", show_default=True, help="Names the comment in the Markdown's first line.")
@_out("json", "Write the review as JSON, too.")
@_out("markdown", "Write the text of a pull request's comment, too.")
@_out("sarif", "Write SARIF 2.1.0 for code scanning, too.")
@_out("html", "Write a page with the picture of what changes, too.")
@options.command(forms=("sarif",))
def review(
    app: App,
    *,
    files: tuple[str, ...],
    chdir: Path | None,
    gate: str,
    since: str | None,
    until: str | None,
    scope: str,
    **more: Path | None,
) -> Result:
    """Say what plans will do, and how dangerous that is.

    FILE is the output of `terraform show -json PLAN` (- reads it from stdin), a saved plan, a bundle's folder or one
    above several, or a review's own JSON. Everything works without the rest of this repository. Exit code 3 when the
    gate says no.
    """
    from glue import reviewing
    from glue.review.show.markdown import marker

    marker(scope)
    report, sources = _report(app, files, chdir=chdir, gate=gate, since=since, until=until, **more)
    texts = reviewing.texts(report, sources, scope=scope, root=Path.cwd())
    for name in _OUTPUTS:
        if (path := more[f"{name}_file"]) is not None:
            reviewing.write(path, texts[name]())
    return _result(app, report, {name: texts[name] for name in ("markdown", "sarif")})


def _report(
    app: App,
    files: tuple[str, ...],
    *,
    chdir: Path | None,
    gate: str,
    since: str | None,
    until: str | None,
    **more: Path | None,
) -> tuple[Report, Sequence[Source]]:
    from datetime import UTC, datetime

    from glue import reviewing

    if bool(files) == bool(since) or (until and not since):
        raise UsageError("give either plans or --diff SINCE [--until REF]", remedy="Such as: slipway review plan.json")
    usual = reviewing.EXCEPTIONS if reviewing.EXCEPTIONS.is_file() else None
    settings = reviewing.settings_of(
        today=datetime.now(UTC).date(),
        exceptions_file=more["exceptions"] or usual,
        prices_file=more["prices"],
        region=str(more["region"]) if more["region"] else None,
    )
    if since is not None:
        from glue.reviewing_data import review_diff

        return reviewing.report_of([review_diff(since, until=until, settings=settings)], gate=gate), ()
    sources = _sources(app, files, chdir)
    return reviewing.review_all(sources, settings=settings, gate=gate), sources


def _sources(app: App, files: tuple[str, ...], chdir: Path | None) -> Sequence[Source]:
    from glue.review_sources import Sources

    def terraform(plan: Path, folder: Path, data_dir: Path | None) -> bytes:
        from glue.tf.commands import find_terraform
        from glue.tf.showing import show_json

        binary = find_terraform(app.workspace.root, app.environ)
        return show_json(plan, folder=folder, data_dir=data_dir, binary=binary, environ=app.environ)

    return Sources(chdir=chdir, workspace=app.workspace, terraform=terraform).read(files)


def _result(app: App, report: Report, texts: dict[str, Callable[[], str]]) -> Result:
    """Return the result with the one text that is printed."""
    from glue.review.show import as_json, terminal

    exit_code = 3 if report.refused else 0
    if app.style == "json":
        return Result(as_json.document(report), exit_code=exit_code)
    if app.style != "table":
        return Result({}, texts={app.style: texts[app.style]()}, exit_code=exit_code)
    looking = sys.stdout.isatty()
    width = min(160, shutil.get_terminal_size().columns) if looking else 120
    colour = looking and not app.environ.get("NO_COLOR") and app.environ.get("TERM") != "dumb"
    return Result({}, texts={"table": terminal.text(report, width=width, colour=colour)}, exit_code=exit_code)
