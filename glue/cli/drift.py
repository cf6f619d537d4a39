"""`slipway drift`: what differs between the files, Terraform's states and AWS."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is called, for start-up's sake
from typing import TYPE_CHECKING

import click

from glue.cli import options
from glue.cli.app import App
from glue.cli.output import Result, Table
from glue.errors import UsageError
from glue.workspace import STACKS, Stack

if TYPE_CHECKING:
    from glue.drifting import Looked
    from glue.fanout import Outcome

Orphans = dict[str, dict[str, int]]


@click.command(short_help="Look for what changed outside of Terraform, and what nobody applied.")
@click.option(
    "--env", "environments", multiple=True, metavar="ENV", help="Environment; may be repeated. [default: all]"
)
@click.option(
    "--stack", "stacks", multiple=True, type=click.Choice(STACKS), help="Root; may be repeated. [default: all]"
)
@options.endpoint(text="Endpoint of the serving root, by its short name. [default: all]")
@options.command()
def drift(app: App, *, environments: tuple[str, ...], stacks: tuple[str, ...], endpoint: str | None) -> Result:
    """Look for what changed outside of Terraform, and for what is wanted and nobody applied.

    Every stack of every environment is planned side by side, in the role that only reads, without a lock; nothing is
    changed or kept. The truth check of each endpoint is part of it. An endpoint whose data was deleted while Terraform
    still holds it is told, too. Exit code 0 when there is nothing, 3 when there is, 1 when a stack could not be looked
    at: the others are told all the same. (Drift of a model's requests is `slipway monitor`'s.)
    """
    chosen = _chosen(app, environments, stacks, endpoint)
    outcomes = app.drifts.look_all(chosen)
    lost: Orphans = {}
    failed: dict[str, str] = {}
    if endpoint is None and (not stacks or "serving" in stacks):
        lost, failed = _orphans(app, sorted({stack.environment.name for stack in chosen} | set(environments)))
    return _result(outcomes, lost, failed)


def _chosen(app: App, environments: tuple[str, ...], stacks: tuple[str, ...], endpoint: str | None) -> list[Stack]:
    if endpoint is not None and "serving" not in (stacks or ("serving",)):
        raise UsageError(f"stack {stacks[0]} has no endpoints", remedy="Leave out --endpoint.")
    wanted = ("serving",) if endpoint is not None else tuple(name for name in STACKS if not stacks or name in stacks)
    names = list(dict.fromkeys(environments)) or list(app.estate.environments())
    found: list[Stack] = []
    for name in names:
        where = app.estate.environment(name)
        found += [Stack(where, stack) for stack in wanted if stack != "serving"]
        known = app.estate.endpoints(name) if "serving" in wanted else ()
        found += [Stack(where, "serving", it) for it in known if endpoint in (None, it)]
    if endpoint is not None and not found:
        app.estate.check_endpoint(names[0], endpoint)
    return found


def _orphans(app: App, names: list[str]) -> tuple[Orphans, dict[str, str]]:
    """Return the endpoints without data by environment, and why an environment could not be asked."""
    from glue.drifting import orphans
    from glue.fanout import side_by_side

    def work(name: str) -> dict[str, int]:
        bucket = app.state_bucket(app.estate.environment(name))
        keys = list(bucket.keys("serving/"))
        return orphans(keys, app.estate.endpoints(name), lambda key: app.state_in(bucket, key))

    outcomes = side_by_side(names, work)
    found = {outcome.item: outcome.value for outcome in outcomes if outcome.value}
    return found, {outcome.item: outcome.error.message for outcome in outcomes if outcome.error is not None}


def _result(outcomes: list[Outcome[Stack, Looked]], lost: Orphans, failed: dict[str, str]) -> Result:
    entries, rows, lines = [], [], []
    for outcome in outcomes:
        entry, row, said = _of(outcome)
        entries.append(entry)
        rows.append(row)
        lines += said
    for env, names in sorted(lost.items()):
        for name, count in sorted(names.items()):
            text = f"its data is gone, and Terraform still holds {count} resources (docs/review/touched.md)"
            stack = {"env": env, "stack": "serving", "endpoint": name}
            entries.append({**stack, "drift": [text], "pending": [], "grade": "none", "truth": None, "seconds": 0})
            rows.append((env, "serving", name, "1", "0", "-"))
            lines.append(f"{env}/serving/{name}: {text}")
    lines += [f"{env}: its states could not be listed: {message}" for env, message in sorted(failed.items())]
    drifted, pending = (sum(bool(entry.get(key)) for entry in entries) for key in ("drift", "pending"))
    blind = sum("error" in entry for entry in entries) + len(failed)
    seen = f"{len(outcomes)} stack{'' if len(outcomes) == 1 else 's'}"
    lines.append(f"{seen}: {drifted} drifted, {pending} with pending changes, {blind} could not be looked at.")
    return Result(
        {
            "command": "drift", "looked": len(outcomes), "drifted": drifted, "pending": pending, "failed": blind,
            "stacks": entries, "unlisted": failed,
        },
        lines=tuple(lines),
        tables=(Table(("env", "stack", "endpoint", "drift", "pending", "grade"), rows),),
        texts={"markdown": _markdown(entries, lines[-1], failed)},
        exit_code=1 if blind else 3 if drifted or pending else 0,
    )  # fmt: skip


def _markdown(entries: list[dict[str, object]], last: str, failed: dict[str, str]) -> str:
    """Return lists for an issue. What stands in a plan is escaped: it may mention people, or link."""
    from glue.review.show.escape import code, prose

    blocks = [f"**{last}**"]
    for entry in entries:
        label = "/".join(str(entry[key]) for key in ("env", "stack", "endpoint") if entry[key])
        error = entry.get("error")
        said = [prose(str(error.get("message")))] if isinstance(error, dict) else []
        said += [prose(text) for text in _texts(entry, "drift")]
        said += [f"not applied: {prose(text)}" for text in _texts(entry, "pending")]
        if said:
            grade = f", grade {entry['grade']}" if "grade" in entry else ", could not be looked at"
            blocks.append("\n".join([f"{code(label)}{grade}", *(f"- {text}" for text in said)]))
    blocks += [f"{code(env)}: its states could not be listed: {prose(text)}" for env, text in sorted(failed.items())]
    return "\n\n".join(blocks) + "\n"


def _texts(entry: dict[str, object], key: str) -> list[str]:
    found = entry.get(key)
    return [str(text) for text in found] if isinstance(found, list) else []


def _of(outcome: Outcome[Stack, Looked]) -> tuple[dict[str, object], tuple[str, ...], list[str]]:
    from glue.cli import describe

    stack = outcome.item
    named: dict[str, object] = {"env": stack.environment.name, "stack": stack.name, "endpoint": stack.endpoint}
    row = (stack.environment.name, stack.name, stack.endpoint or "")
    if outcome.value is None:
        error = outcome.error
        document = describe.error_document(error) if error is not None else None
        return {**named, "error": document}, (*row, "FAILED", "-", "-"), [f"{stack.label}: {error}"]
    found = outcome.value
    entry = {
        **named,
        "drift": list(found.drift),
        "pending": list(found.pending),
        "grade": found.grade,
        "truth": describe.truth_document(found.truth) if found.truth is not None else None,
        "seconds": round(found.seconds, 1),
    }
    lines = [f"{stack.label}: {text}" for text in found.drift]
    lines += [f"{stack.label}: not applied: {text}" for text in found.pending]
    return entry, (*row, str(len(found.drift)), str(len(found.pending)), found.grade), lines
