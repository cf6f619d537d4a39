"""The review that every plan gets when it is made: from the slim plan, so that no secret can be in it."""

from __future__ import annotations

# ruff: noqa: PLC0415 - who only applies, or asks for help, pays for no review
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from glue.bundles import Reviewed
from glue.workspace import Stack, Workspace

if TYPE_CHECKING:
    from glue.review.model import Review


class Reviewing:
    """Reviews plans by the repository's rules, prices and exceptions."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self, data: bytes, stack: Stack) -> Reviewed:
        """Return the review of a slim plan. Raises UsageError for what is no plan, and for exceptions that are none."""
        from glue.reviewing import review_plan

        found = review_plan(
            data,
            name=stack.label,
            workspace=self._workspace,
            environment=stack.environment,
            today=datetime.now(UTC).date(),
        )
        return Reviewed(found.review.grade.word, found.forbidden, found.json, found.markdown)

    def review(self, data: bytes, stack: Stack) -> Review:
        """Return the review as data. Errors as above."""
        from glue.reviewing import review_plan

        today = datetime.now(UTC).date()
        return review_plan(
            data, name=stack.label, workspace=self._workspace, environment=stack.environment, today=today
        ).review
