"""`slipway verify`: what is live, according to AWS, and does it answer as promised."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import SlipwayError, UsageError

if TYPE_CHECKING:
    from glue.core.environment import Environment
    from glue.fanout import Outcome
    from glue.verifying import Verified


@click.command(short_help="Compare what is live with what is wanted; ask the golden requests.")
@options.environment
@options.endpoint()
@click.option("--golden/--no-golden", default=True, show_default=True, help="Ask the release's golden requests.")
@click.option("--evidence", is_flag=True, help="Sign and keep what was proven.")
@options.command()
def verify(app: App, *, environment: str, endpoint: str | None, golden: bool, evidence: bool) -> Result:
    """Compare what AWS says is live with the live revision of the file, and ask the golden requests.

    Only AWS is believed: the config that the endpoint serves, all that is in it, its models, the images that its
    instances run, their number and their share of the traffic, what scales them, data capture, and the alarms that roll
    deployments back: one in ALARM is a failure, one with too little data is none. Exit code 1 when something differs or
    a golden request fails, 3 while a deployment is under way.
    With --evidence, what passed is signed with the environment's key and kept, for the environment that is next; what
    failed makes no evidence.
    """
    from glue.fanout import side_by_side
    from glue.verifying import verify as prove

    where = app.estate.environment(environment)
    if endpoint is not None:
        app.estate.check_endpoint(environment, endpoint)
    names = [endpoint] if endpoint else list(app.estate.endpoints(environment))
    session = app.accounts.session(where)

    def work(name: str) -> Verified:
        return prove(
            session,
            name,
            app.estate.revisions(environment, name),
            golden=golden,
            settings=app.estate.endpoint(environment, name),
        )

    if evidence and not golden:
        raise UsageError("evidence says that golden requests passed", remedy="Leave out --no-golden.")
    outcomes = side_by_side(names, work)
    return _result(environment, outcomes, signed=_sign(app, where, outcomes) if evidence else {})


def _sign(app: App, where: Environment, outcomes: list[Outcome[str, Verified]]) -> dict[str, list[str]]:
    """Make evidence of each endpoint that passed, and return the records' keys by endpoint."""
    from glue.cli import passing

    passed = [outcome.value for outcome in outcomes if outcome.value is not None and not outcome.value.exit_code]
    found = {}
    for verified in passed:
        made = passing.sign(app, where, verified, app.estate.revisions(where.name, verified.endpoint))
        found[verified.endpoint] = [one.key for one in made]
    return found


def _result(environment: str, outcomes: list[Outcome[str, Verified]], *, signed: dict[str, list[str]]) -> Result:
    from glue.cli import describe

    rows, entries, lines = [], [], []
    codes = []
    for outcome in outcomes:
        entry: dict[str, object] = {"endpoint": outcome.item}
        if outcome.value is not None:
            value = outcome.value
            truth = value.truth
            entry |= describe.verified_document(value)
            entry |= {"evidence": signed[outcome.item]} if outcome.item in signed else {}
            lines += [f"{outcome.item}: evidence {key}" for key in signed.get(outcome.item, [])]
            rows.append((outcome.item, truth.state, truth.wanted or "-", truth.live_revision or "-",
                         truth.status or "-", describe.golden_text(value)))  # fmt: skip
            lines += [f"{outcome.item}: {failure}" for failure in value.failures]
            codes.append(value.exit_code)
        elif outcome.error is not None:
            entry["error"] = describe.error_document(outcome.error)
            rows.append((outcome.item, "FAILED", "-", "-", "-", "-"))
            lines.append(f"{outcome.item}: {_text(outcome.error)}")
            codes.append(outcome.error.exit_code)
        entries.append(entry)
    good = codes.count(0)
    lines.append(f"{good} of {len(outcomes)} endpoints of {environment} are as wanted.")
    return Result(
        {"command": "verify", "env": environment, "endpoints": entries, "changed": bool(signed)},
        lines=tuple(lines),
        tables=(
            Table(("endpoint", "truth", "wanted", "live", "status", "golden requests"), rows),
            describe.checks_table([outcome.value for outcome in outcomes if outcome.value is not None]),
        ),
        exit_code=min((code for code in codes if code), default=0),
    )


def _text(error: SlipwayError) -> str:
    return str(error)
