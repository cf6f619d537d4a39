"""What `plan` and `apply` say: one row for each stack, none left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glue.cli.output import Result, Table
from glue.core.bundle import REVIEW
from glue.errors import SlipwayError
from glue.fanout import Outcome, exit_code
from glue.foreseeing import Foreseen
from glue.tf.runner import Applied, Planned
from glue.workspace import Stack, Workspace


def planned(
    outcomes: Sequence[Outcome[Stack, Planned]], workspace: Workspace, foreseen: Mapping[str, Foreseen]
) -> Result:
    """Return what each plan says, with what it comes to on the live endpoint (`foreseen`, by the stack's label)."""
    entries = [_planned(outcome, workspace, foreseen.get(outcome.item.label)) for outcome in outcomes]
    warnings = [line for label, one in sorted(foreseen.items()) for line in one.lines(label)]
    rows = [(outcome.item.label, _in_words(outcome), _grade(outcome), _seconds(outcome)) for outcome in outcomes]
    good = [outcome.value for outcome in outcomes if outcome.value is not None]
    changing = sum(1 for value in good if value.changes)
    lines = [f"{changing} of {len(outcomes)} would change. Apply: make apply with the same words."]
    if len(good) < len(outcomes):
        lines = [f"{len(outcomes) - len(good)} of {len(outcomes)} could not be planned, {changing} would change."]
    elif not changing:
        lines = [f"Nothing to do: {len(outcomes)} planned, none would change."]
    return Result(
        {"command": "plan", "results": entries, "changed": False, "pending": changing},
        lines=(*_errors(outcomes), *warnings, *lines),
        tables=(Table(("stack", "plan", "grade", "seconds"), rows),),
        exit_code=exit_code(outcomes),
    )


def applied(outcomes: Sequence[Outcome[Stack, Applied]]) -> Result:
    """Return how each apply ended."""
    entries = [_applied(outcome) for outcome in outcomes]
    rows = [(outcome.item.label, _in_words(outcome), _seconds(outcome)) for outcome in outcomes]
    changed = sum(1 for outcome in outcomes if outcome.value is not None and outcome.value.changed)
    failed = sum(1 for outcome in outcomes if outcome.error is not None)
    lines = [f"{changed} changed, {failed} failed, {len(outcomes) - changed - failed} had nothing to do."]
    if not changed and not failed:
        lines = [f"Nothing to do: {len(outcomes)} looked at, none to change."]
    return Result(
        {"command": "apply", "results": entries, "changed": changed > 0},
        lines=(*_errors(outcomes), *lines),
        tables=(Table(("stack", "result", "seconds"), rows),),
        exit_code=exit_code(outcomes),
    )


def _planned(outcome: Outcome[Stack, Planned], workspace: Workspace, foreseen: Foreseen | None) -> dict[str, object]:
    entry = _common(outcome.item, outcome.error)
    if foreseen is not None:
        entry["scales_in"] = {name: {"from": now, "to": then} for name, (now, then) in foreseen.scales_in.items()}
        entry["undone"] = foreseen.undone
    if outcome.value is not None:
        value = outcome.value
        entry |= {
            "changes": value.summary.as_json(),
            "empty": not value.changes,
            "plan": workspace.shown(value.file),
            "seconds": round(value.seconds, 3),
        }
        if value.bundle is not None:
            entry |= {
                "bundle": value.bundle.digest,
                "semantic": value.bundle.semantic,
                "grade": value.bundle.grade,
                "review": workspace.shown(value.file.with_name(REVIEW)),
            }
    return entry


def _applied(outcome: Outcome[Stack, Applied]) -> dict[str, object]:
    entry = _common(outcome.item, outcome.error)
    if outcome.value is not None:
        value = outcome.value
        entry |= {
            "changed": value.changed,
            "changes": value.summary.as_json(),
            "seconds": round(value.seconds, 3),
        }
    return entry


def _common(stack: Stack, error: SlipwayError | None) -> dict[str, object]:
    entry: dict[str, object] = {"env": stack.environment.name, "stack": stack.name, "endpoint": stack.endpoint}
    if error is not None:
        entry["error"] = {"message": error.message, "remedy": error.remedy, "exit_code": error.exit_code}
    return entry


def _in_words(outcome: Outcome[Stack, Planned] | Outcome[Stack, Applied]) -> str:
    if outcome.error is not None:
        return "FAILED" if outcome.error.exit_code == 1 else "REFUSED"
    if isinstance(outcome.value, Applied):
        return "applied: " + outcome.value.summary.text if outcome.value.changed else "nothing to do"
    return outcome.value.summary.text if outcome.value is not None else ""


def _grade(outcome: Outcome[Stack, Planned]) -> str:
    return outcome.value.bundle.grade if outcome.value is not None and outcome.value.bundle is not None else "-"


def _seconds(outcome: Outcome[Stack, Planned] | Outcome[Stack, Applied]) -> str:
    return f"{outcome.value.seconds:.1f}" if outcome.value is not None else "-"


def _errors(outcomes: Sequence[Outcome[Stack, Planned]] | Sequence[Outcome[Stack, Applied]]) -> list[str]:
    return [str(outcome.error) for outcome in outcomes if outcome.error is not None]
