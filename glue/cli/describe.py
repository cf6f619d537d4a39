"""Results of deployments, steps and proofs, as documents and rows that several commands share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from glue.cli.output import Table
from glue.core.truth import Truth
from glue.core.watch import Verdict
from glue.deployed import Deployed
from glue.errors import SlipwayError
from glue.executor import Step
from glue.verifying import Verified


def error_document(error: SlipwayError) -> dict[str, object]:
    """Return an error for a JSON result."""
    return {"message": error.message, "remedy": error.remedy, "exit_code": error.exit_code}


def steps_table(steps: Sequence[Step]) -> Table:
    """Return a row for each step."""
    rows = [(step.name, step.outcome, step.detail) for step in steps]
    return Table(("step", "status", "detail"), rows)


def truth_document(truth: Truth) -> dict[str, object]:
    """Return a verdict for a JSON result."""
    return {
        "state": truth.state,
        "endpoint_name": truth.endpoint,
        "wanted": truth.wanted,
        "live": truth.live_revision,
        "config": truth.live_config,
        "status": truth.status,
        "reasons": list(truth.reasons),
        "checks": [
            {"check": row.name, "wanted": row.wanted, "found": row.found, "good": row.good, "wrong": row.wrong}
            for row in truth.checks
        ],
    }


def checks_table(verified: Sequence[Verified]) -> Table:
    """Return a row for everything that the truth check looked at, those that are not as wanted marked."""
    rows = [
        (one.endpoint, row.name, row.wanted, row.found, "" if row.good else "NOT AS WANTED")
        for one in verified
        for row in one.truth.checks
    ]
    return Table(("endpoint", "check", "wanted", "found", ""), rows)


def verified_document(verified: Verified) -> dict[str, object]:
    """Return a proof for a JSON result."""
    return {
        "truth": truth_document(verified.truth),
        "golden": [
            {
                "variant": report.variant,
                "release": report.release,
                "asked": len(report.results),
                "failed": [{"name": r.name, "reason": r.reason} for r in report.failed],
                "slowest_ms": round(max((r.latency_ms for r in report.results), default=0.0), 1),
            }
            for report in verified.golden
        ],
    }


def golden_text(verified: Verified) -> str:
    """Return `12 of 12 golden requests answered`, or why none was asked."""
    asked = sum(len(report.results) for report in verified.golden)
    failed = sum(len(report.failed) for report in verified.golden)
    return f"{asked - failed} of {asked} answered" if asked else "none asked"


def deployed_document(deployed: Deployed, *, text: bool = True) -> dict[str, object]:
    """Return a deployment for a JSON result, with the plan's text or without."""
    document: dict[str, object] = {
        "endpoint": deployed.endpoint,
        "revision": deployed.revision,
        "applied": deployed.changed,
        "changes": deployed.plan.as_json(),
        **({"plan_text": deployed.plan_text} if text else {}),
        "failure": deployed.failure,
        "remedy": deployed.remedy,
        "returned_to": deployed.returned_to,
        "marked_failed": deployed.revision if deployed.marked else None,
        "next_plan_empty": deployed.plan_empty,
        "scales_in": {name: {"from": now, "to": then} for name, (now, then) in deployed.scales_in.items()},
        "seconds": round(deployed.seconds, 3),
    }
    if deployed.watched is not None:
        document["watch"] = watch_document(deployed.watched)
    if deployed.comparison is not None:
        document["comparison"] = deployed.comparison.as_json(answers=False)
    proof: Mapping[str, object] = verified_document(deployed.verified) if deployed.verified else {}
    return {**document, **proof}


def watch_document(verdict: Verdict) -> dict[str, object]:
    """Return what the golden requests during a deployment came to, for a JSON result."""
    failure = verdict.failure
    found = None if failure is None else {
        "variant": failure.variant, "release": failure.release, "name": failure.request, "reason": failure.reason
    }  # fmt: skip
    return {
        "state": verdict.state,
        "reason": verdict.reason,
        "failed": found,
        "asked": verdict.asked,
        "answered": verdict.answered,
        "open": verdict.open,
        "aborted": verdict.aborted,
    }


def comparison_lines(deployed: Sequence[Deployed], file: Path | None = None) -> list[str]:
    """Return how the old and the new releases answer, a line for each variant; write it all to `file` if given."""
    from glue.comparing import write  # noqa: PLC0415 - only for those who ask for it

    reports = [one.comparison for one in deployed if one.comparison is not None]
    if file is not None and not reports:
        return [f"Nothing was compared, and {file} is not written: no release took another's place."]
    if file is not None:
        try:
            write(file, reports)
        except OSError as error:
            return [f"The deployment is done, but its report cannot be written: {error}"]
    lines = [f"{one.endpoint}: {variant.line}." for one in reports for variant in one.variants]
    return [*lines, *(f"Answers compared: {one.file}" for one in reports)]


def deployed_line(deployed: Deployed) -> str:
    """Return how a deployment ended, in a sentence."""
    if deployed.failure:
        remedy = f"\n  {deployed.remedy}" if deployed.remedy else ""
        return f"{deployed.endpoint}: FAILED: {deployed.failed_text}{remedy}"
    proof = golden_text(deployed.verified) if deployed.verified else "not asked"
    done = f"applied ({deployed.plan.text})" if deployed.changed else "nothing to apply"
    return f"{deployed.endpoint}: {deployed.revision} is live: {done}; truth check passed; golden requests: {proof}."
