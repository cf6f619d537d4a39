"""`slipway doctor`: what is missing here, and what to do about it."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table

if TYPE_CHECKING:
    from glue.doctor import Finding


@click.command(short_help="Look for what is missing on this machine and in the accounts.")
@click.option("--env", "environment", metavar="ENV", help="One environment. [default: all]")
@options.command()
def doctor(app: App, *, environment: str | None) -> Result:
    """Look for what is missing on this machine and in the accounts; change nothing.

    Tools and versions, provider mirror and lock files, then for each environment its files, credentials, account,
    promote role, foundation, and Terraform runs that were killed. Exit code 1 when anything is not well.
    """
    from glue.doctor import environment as look
    from glue.doctor import machine
    from glue.fanout import side_by_side

    if environment is not None:
        app.estate.environment(environment)
    names = [environment] if environment else list(app.estate.environments())
    findings = machine(app.workspace, app.environ)
    outcomes = side_by_side(
        names, lambda name: look(name, estate=app.estate, accounts=app.accounts, workspace=app.workspace)
    )
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
        findings += outcome.value or []
    return _result(findings)


def _result(findings: list[Finding]) -> Result:
    rows = [(finding.check, "ok" if finding.well else "NOT WELL", finding.found) for finding in findings]
    ill = [finding for finding in findings if not finding.well]
    lines = [f"{finding.check}: {finding.remedy}" for finding in ill if finding.remedy]
    lines.append(
        f"{len(ill)} of {len(findings)} checks are not well." if ill else f"All {len(findings)} checks are well."
    )
    return Result(
        {"command": "doctor", "findings": [finding.__dict__ for finding in findings], "changed": False},
        lines=tuple(lines),
        tables=(Table(("check", "state", "found"), rows),),
        exit_code=1 if ill else 0,
    )
