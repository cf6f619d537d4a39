"""`slipway shadow report`: how a shadow's answers compare with those that callers got."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table

if TYPE_CHECKING:
    from glue.core.metrics import VariantMetrics
    from glue.shadow import Report


@click.group(short_help="Compare a shadow variant with the one that answers.")
def shadow() -> None:
    """Compare a shadow variant, which gets copies of requests, with the production variant that answers them."""


@shadow.command(name="report", short_help="Compare captured answers, latency and errors.")
@options.environment
@options.endpoint(required=True, text="Endpoint, by its short name.")
@click.option("--since", metavar="DURATION", default="1h", show_default=True, help="Window that ends now.")
@click.option("--tolerance", type=click.FloatRange(0), default=1e-6, show_default=True, help="Absolute, for numbers.")
@click.option("--relative", type=click.FloatRange(0), default=1e-6, show_default=True, help="Relative, for numbers.")
@click.option("--ignore", metavar="PATH", multiple=True, help="Part of an answer to leave out, such as model.version.")
@click.option("--require", type=click.FloatRange(0, 100), help="Exit 3 unless so many per cent of pairs agree.")
@click.option("--production", metavar="VARIANT", help="Variant that answered. [default: the live one]")
@click.option("--shadow", "dark", metavar="VARIANT", help="Shadow variant. [default: the live one]")
@click.option("--limit", type=click.IntRange(1), default=20_000, show_default=True, help="Most exchanges to pair.")
@options.command()
def report(
    app: App,
    *,
    environment: str,
    endpoint: str,
    since: str,
    tolerance: float,
    relative: float,
    ignore: tuple[str, ...],
    require: float | None,
    production: str | None,
    dark: str | None,
    limit: int,
) -> Result:
    """Pair what was captured of both variants, and say how many answers agree and how far numbers are apart.

    Pairs are found by the inference id that the caller (or the invoker) gave, else by equal requests. Latency and
    errors are CloudWatch's. Values of answers are never shown. Exit code 3 when fewer pairs than --require agree.
    """
    from glue.core.comparing import Comparison, Tolerance
    from glue.core.metrics import duration
    from glue.errors import RefusedError
    from glue.shadow import choose
    from glue.shadow import report as compare

    window = duration(since)
    where = app.estate.environment(environment)
    app.estate.check_endpoint(environment, endpoint)
    revisions = app.estate.revisions(environment, endpoint)
    pairing = choose(endpoint, revisions, production=production, shadow=dark)
    live = revisions.live_revision
    if live is None:
        raise RefusedError(f"endpoint {endpoint} has no live revision")
    comparison = Comparison(Tolerance(tolerance, relative), frozenset(ignore))
    session = app.accounts.session(where)
    found = compare(session, pairing, live, window=window, comparison=comparison, most=limit)
    return _result(found, environment, since=since, require=require)


def _result(found: Report, environment: str, *, since: str, require: float | None) -> Result:
    agreement = found.tally.agreement
    enough = require is None or (agreement is not None and agreement * 100 >= require)
    lines = _lines(found, since)
    if not enough:
        lines.append(f"Required are {require:g} %.")
    document = {
        "command": "shadow report",
        "env": environment,
        "endpoint": found.pairing.endpoint,
        "since": since,
        "production": _side(found, found.pairing.production),
        "shadow": _side(found, found.pairing.shadow),
        "sampled_percent": found.sampled,
        "matched_by": dict(sorted(found.matcher.ways.items())),
        "left_out": found.matcher.left_out,
        **found.tally.document(),
        "required_percent": require,
        "enough": enough,
        "changed": False,
    }
    return Result(document, lines=tuple(lines), tables=_tables(found), exit_code=0 if enough else 3)


def _side(found: Report, variant: str) -> dict[str, object]:
    side = found.production if variant == found.pairing.production else found.shadow
    seen = found.metrics[variant]
    return {
        "variant": variant,
        "captured": side.captured,
        "unreadable": dict(sorted(side.unreadable.items())),
        "requests": seen.requests,
        "errors_4xx": seen.errors_4xx,
        "errors_5xx": seen.errors_5xx,
        "model_latency_ms": {"mean": seen.latency_mean, "p50": seen.latency_p50, "p99": seen.latency_p99},
    }


def _lines(found: Report, since: str) -> list[str]:
    from glue.core.weights import percent

    tally, pairing = found.tally, found.pairing
    if tally.agreement is None:
        lines = [f"No pair of answers of {pairing.production} and {pairing.shadow} in the last {since}."]
    else:
        both = f"{pairing.production} and {pairing.shadow}"
        lines = [f"{percent(tally.agreement)} of {tally.pairs} pairs agree ({both}, last {since})."]
    if found.sampled is None:
        lines.append("The live revision captures nothing: set data_capture in the endpoint's file and render it.")
    elif found.sampled < 100:
        lines.append(
            f"{found.sampled} % of each variant's requests are captured, so about {found.sampled**2 / 100:g} % make "
            "pairs: 100 compares all."
        )
    if found.matcher.left_out:
        lines.append(f"{found.matcher.left_out} exchanges of the shadow were left out: --limit, or too large.")
    return lines


def _tables(found: Report) -> tuple[Table, ...]:
    def number(value: object) -> str:
        return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)

    def row(variant: str, kind: str, seen: VariantMetrics) -> tuple[str, ...]:
        side = found.production if kind == "production" else found.shadow
        latency = (seen.latency_mean, seen.latency_p50, seen.latency_p99)
        counts = (f"{seen.requests:.0f}", f"{seen.errors_4xx:.0f}", f"{seen.errors_5xx:.0f}")
        return (variant, kind, str(side.captured), *counts, *map(number, latency))

    pairing, document = found.pairing, found.tally.document()
    sides = Table(
        ("variant", "kind", "captured", "requests", "4xx", "5xx", "mean ms", "p50 ms", "p99 ms"),
        [
            row(pairing.production, "production", found.metrics[pairing.production]),
            row(pairing.shadow, "shadow", found.metrics[pairing.shadow]),
        ],
    )
    differences, numbers = document["differences"], document["numbers"]
    ways = [tuple(map(str, entry.values())) for entry in differences] if isinstance(differences, list) else []
    spread = [tuple(map(number, entry.values())) for entry in numbers] if isinstance(numbers, list) else []
    return (
        sides,
        Table(("differs at", "how", "pairs"), ways),
        Table(("numbers at", "count", "mean away", "p50", "p90", "p99", "max"), spread),
    )
