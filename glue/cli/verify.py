"""`slipway verify`: what is live, according to AWS, and does it answer as promised."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.fanout import Outcome
    from glue.verifying import Verified


@click.command(short_help="Compare what is live with what is wanted; ask the golden requests.")
@options.environment
@options.endpoint()
@click.option("--golden/--no-golden", default=True, show_default=True, help="Ask the release's golden requests.")
@options.command()
def verify(app: App, *, environment: str, endpoint: str | None, golden: bool) -> Result:
    """Compare what AWS says is live with the live revision of the file, and ask the golden requests.

    Only AWS is believed: the config that the endpoint serves, all that is in it, its models, and the images that its
    instances run. Exit code 1 when something differs or a golden request fails, 3 while a deployment is under way.
    """
    from glue.fanout import side_by_side
    from glue.verifying import verify as prove

    where = app.estate.environment(environment)
    if endpoint is not None:
        app.estate.check_endpoint(environment, endpoint)
    names = [endpoint] if endpoint else list(app.estate.endpoints(environment))
    session = app.accounts.session(where)

    def work(name: str) -> Verified:
        return prove(session, name, app.estate.revisions(environment, name), golden=golden)

    return _result(environment, side_by_side(names, work))


def _result(environment: str, outcomes: list[Outcome[str, Verified]]) -> Result:
    from glue.cli import describe

    rows, entries, lines = [], [], []
    codes = []
    for outcome in outcomes:
        entry: dict[str, object] = {"endpoint": outcome.item}
        if outcome.value is not None:
            value = outcome.value
            truth = value.truth
            entry |= describe.verified_document(value)
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
        {"command": "verify", "env": environment, "endpoints": entries, "changed": False},
        lines=tuple(lines),
        tables=(Table(("endpoint", "truth", "wanted", "live", "status", "golden requests"), rows),),
        exit_code=min((code for code in codes if code), default=0),
    )


def _text(error: SlipwayError) -> str:
    return str(error)
