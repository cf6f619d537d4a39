"""The review that every plan gets when it is made: from the slim plan, so that no secret can be in it."""

from __future__ import annotations

# ruff: noqa: PLC0415 - who only applies, or asks for help, pays for no review
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from glue.bundles import Reviewed
from glue.workspace import Stack, Workspace

if TYPE_CHECKING:
    from glue.review.model import Finding, Review

EXCEPTIONS = "policy/review-exceptions.toml"


class Reviewing:
    """Reviews plans by the repository's rules, prices and exceptions."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self, data: bytes, stack: Stack) -> Reviewed:
        """Return the review of a slim plan. Raises UsageError for what is no plan, and for exceptions that are none."""
        from glue.review.model import Grade
        from glue.review.show import as_json, markdown
        from glue.review.show.report import Report

        found = self.review(data, stack)
        report = Report((found,), gate=Grade.FORBIDDEN)
        document = json.dumps(as_json.document(report), indent=2, ensure_ascii=False) + "\n"
        return Reviewed(
            grade=found.grade.word,
            refused=tuple(_line(finding) for finding in found.findings if finding.grade is Grade.FORBIDDEN),
            json=document.encode("utf-8", "replace"),
            text=markdown.text(report, scope=stack.label),
        )

    def review(self, data: bytes, stack: Stack) -> Review:
        """Return the review as data. Errors as above."""
        from glue.review import document, inspecting
        from glue.review import exceptions as waived
        from glue.review.model import Settings
        from glue.review.prices import Prices
        from glue.review.rules import Rules

        today: date = datetime.now(UTC).date()
        rules = Rules.load()
        settings = Settings(
            today=today,
            rules=rules,
            waivers=waived.load(self._workspace.root / EXCEPTIONS, rules=rules, today=today),
            prices=Prices.load(),
            region=stack.environment.region,
        )
        return inspecting.review(document.read(data, name=stack.label), settings=settings)


def _line(finding: Finding) -> str:
    where = f" {finding.resource}" if finding.resource else ""
    return f"{finding.rule}{where}: {finding.message}. {finding.remedy}"
