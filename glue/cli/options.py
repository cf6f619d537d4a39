"""The options that commands share, and how a command becomes one call of one function."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from glue.cli.app import App
from glue.cli.output import FORMATS, Result, text_of

Function = Callable[..., Any]


def environment(function: Function) -> Function:
    """Add the required option --env."""
    return click.option("--env", "environment", required=True, metavar="ENV", help="Environment, such as qa.")(function)


def endpoint(*, required: bool = False, text: str = "Endpoint, by its short name. [default: all]") -> Function:
    """Return the option --endpoint."""
    return click.option("--endpoint", required=required, metavar="NAME", help=text)


def variant(function: Function) -> Function:
    """Add the option --variant."""
    text = "Variant to put it on; the others keep theirs. [default: all of its model]"
    return click.option("--variant", metavar="NAME", help=text)(function)


def report(function: Function) -> Function:
    """Add the option --report."""
    kind = click.Path(dir_okay=False, writable=True, path_type=Path)
    text = "Also write how the old and the new release answer here: Markdown, or JSON as *.json."
    return click.option("--report", type=kind, metavar="FILE", help=text)(function)


def command(
    *, dry_run: bool = False, asks: bool = False, forms: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Turn `function(app, **options) -> Result` into what click calls: parse, one call, print.

    `dry_run` and `asks` say whether the command has --dry-run and --yes; `forms` are forms of its result besides the
    common ones, which it puts into `texts`.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def call(*, style: str, verbose: bool, dry_run: bool = False, yes: bool = False, **options: Any) -> None:
            app = App(style=style, verbose=verbose, dry_run=dry_run, yes=yes)
            try:
                show(function(app, **options), app)
            finally:
                app.close()

        decorated: Function = call
        if asks:
            decorated = click.option("--yes", is_flag=True, help="Ask nothing.")(decorated)
        if dry_run:
            decorated = click.option("--dry-run", is_flag=True, help="Read everything, change nothing.")(decorated)
        decorated = click.option("--verbose", is_flag=True, help="Tell every detail, on stderr.")(decorated)
        return click.option(
            "--format",
            "style",
            type=click.Choice((*FORMATS, *forms)),
            default="table",
            show_default=True,
            help="Form of the result.",
        )(decorated)

    return decorate


def show(result: Result, app: App) -> None:
    """Print a result with what it cost, and leave with its exit code."""
    exit_code = result.exit_code or (1 if app.unrecorded else 0)
    if app.style == "json":
        more = {"unrecorded": list(app.unrecorded)} if app.unrecorded else {}
        result = Result({**result.document, **more}, more=app.costs())
    click.echo(text_of(result, app.style), nl=False)
    if exit_code:
        raise click.exceptions.Exit(exit_code)
