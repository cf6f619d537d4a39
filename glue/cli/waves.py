"""What a promotion to several environments says: a row for each, those among them that were not touched."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError

if TYPE_CHECKING:
    from glue.core.environment import Environment
    from glue.fanout import Outcome


def targets(app: App, to: Sequence[str], after: str | None) -> list[str]:
    """Return the environments that are meant, each once. Raises UsageError when none or both are given."""
    from glue.core import waves

    if bool(to) == bool(after):
        raise UsageError("give either --to, once or several times, or --after", remedy="`slipway promote --help`.")
    if after is None:
        return list(dict.fromkeys(app.estate.environment(name).name for name in to))
    app.estate.environment(after)
    return list(waves.behind({name: app.estate.environment(name) for name in app.estate.environments()}, after))


def promote(app: App, release: str, names: Sequence[str], one: Callable[[str], Result], *, one_by_one: bool) -> Result:
    """Promote to each environment, in waves, with `one`; return how each ended, and which were not touched."""
    from glue.core import waves
    from glue.waves import roll

    environments = {name: app.estate.environment(name) for name in names}
    asks = not app.yes and sys.stdin.isatty() and sys.stderr.isatty()
    rolled = roll(
        waves.in_waves(environments, names, one_by_one=one_by_one),
        lambda there: one(there.name),
        good=lambda result: result.exit_code == 0,
        console=app.console,
        **({"at_once": 1} if asks else {}),  # two questions at once cannot be answered
        interrupt=app.runner.processes.interrupt,
    )
    entries = [_entry(number, outcome) for number, outcome in rolled.outcomes]
    entries += [{"to": there.name, "wave": None, "outcome": "not touched"} for there in rolled.untouched]
    codes = [
        outcome.error.exit_code if outcome.error else outcome.value.exit_code if outcome.value else 1
        for _, outcome in rolled.outcomes
    ]
    lines = [line for _, outcome in rolled.outcomes for line in _lines(outcome)]
    if rolled.untouched:
        left = " ".join(f"--to {there.name}" for there in rolled.untouched)
        lines.append(f"Not touched: the wave before them did not succeed. Afterwards: slipway promote {release} {left}")
    document = {
        "command": "promote",
        "release": release,
        "targets": entries,
        "changed": any(outcome.value and outcome.value.document.get("changed") for _, outcome in rolled.outcomes),
    }
    rows = [(str(entry["to"]), str(entry["wave"] or "-"), str(entry["outcome"])) for entry in entries]
    table = Table(("environment", "wave", "outcome"), rows)
    return Result(document, lines=tuple(lines), tables=(table,), exit_code=min((c for c in codes if c), default=0))


def _entry(number: int, outcome: Outcome[Environment, Result]) -> dict[str, object]:
    from glue.cli import describe

    found: dict[str, object] = {"to": outcome.item.name, "wave": number, "outcome": _word(outcome)}
    if outcome.error is not None:
        return {**found, "error": describe.error_document(outcome.error)}
    return {**found, "result": outcome.value.document if outcome.value else {}}


def _word(outcome: Outcome[Environment, Result]) -> str:
    code = outcome.error.exit_code if outcome.error else outcome.value.exit_code if outcome.value else 1
    return {0: "done", 3: "refused"}.get(code, "failed")


def _lines(outcome: Outcome[Environment, Result]) -> list[str]:
    name = outcome.item.name
    if outcome.error is not None:
        return [f"{name}: {outcome.error}"]
    return [f"{name}: {line}" for line in outcome.value.lines] if outcome.value else []
