"""`slipway monitor`: what the drift monitor of an endpoint says."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table

if TYPE_CHECKING:
    from glue.monitoring import Report


@click.group(short_help="Show what the drift monitor of an endpoint says.")
def monitor() -> None:
    """Show what the drift monitor of an endpoint says, or have it judge now."""


@monitor.command()
@options.environment
@options.endpoint(required=True, text="Endpoint that is watched, by its short name.")
@options.command()
def show(app: App, *, environment: str, endpoint: str) -> Result:
    """Show the last report."""
    from glue.monitoring import latest

    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    return _result("monitor show", environment, endpoint, latest(app.accounts.session(where), endpoint))


@monitor.command()
@options.environment
@options.endpoint(required=True, text="Endpoint that is watched, by its short name.")
@options.command()
def run(app: App, *, environment: str, endpoint: str) -> Result:
    """Have the monitor judge the window up to now; metrics and alarms follow as on its schedule."""
    from glue.monitoring import run as judge

    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    return _result("monitor run", environment, endpoint, judge(app.accounts.session(where), endpoint))


def _result(command: str, environment: str, endpoint: str, report: Report) -> Result:
    summary = report.summary
    rows = [row for variant in report.document.get("variants", []) for row in _rows(variant)]
    lines = [
        f"{name.replace('_', ' ')}: {_text(summary.get(name))}"
        for name in ("max_drift", "quality_drop", "unknown_rate")
    ]
    lines += [str(said) for said in summary.get("said", [])]
    lines.append(f"{summary.get('rows', 0)} rows up to {report.document.get('at')}: {report.uri}")
    document = {"command": command, "env": environment, "endpoint": endpoint, "uri": report.uri}
    return Result(
        document | {"report": dict(report.document)},
        lines=tuple(lines),
        tables=(Table(("variant", "release", "what", "drift", "missing", "now", "released with"), rows),),
    )


def _rows(variant: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row for each distribution, those that drift most first, and one for each metric that labels gave."""
    where = str(variant.get("variant")), str(variant.get("release") or "-")
    found = dict(variant.get("features", {}))
    if "scores" in variant:
        found["(scores)"] = variant["scores"]
    ordered = sorted(found.items(), key=lambda item: (-(item[1]["psi"] or 0.0), item[0]))
    rows: list[tuple[str, ...]] = [
        (*where, name, _text(value["psi"]), _text(value["missing_rate"]), "", _text(value["baseline_missing_rate"]))
        for name, value in ordered
    ]
    return rows + [
        (*where, f"{name} of {value['labels']} labels", "", "", _text(value["value"]), _text(value["baseline"]))
        for name, value in variant.get("quality", {}).items()
    ]


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "not enough to say"
