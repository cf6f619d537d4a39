"""How a deployment ended, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glue.core.plan import PlanSummary
from glue.verifying import Verified

if TYPE_CHECKING:
    from glue.core.comparison import Report
    from glue.core.watch import Verdict


@dataclass(frozen=True)
class Deployed:
    """How a deployment ended. `failure` says why it failed, and `remedy` what to do next.

    `returned_to` is the revision that it went back to; `marked`: the one that failed is marked in the file;
    `plan_empty`: the next plan has nothing to do, None when that was not looked at. `scales_in` holds, by variant, the
    instances before and after, where there are fewer.
    """

    endpoint: str
    revision: str
    changed: bool
    plan: PlanSummary
    verified: Verified | None
    seconds: float
    plan_text: str = ""
    failure: str | None = None
    returned_to: str | None = None
    exit_code: int = 0
    watched: Verdict | None = None
    comparison: Report | None = None
    remedy: str | None = None
    marked: bool = False
    plan_empty: bool | None = None
    scales_in: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def failed_text(self) -> str:
        """Why it failed and what became of it, in sentences; empty when it did not fail."""
        if self.failure is None:
            return ""
        parts = [f"{self.failure.rstrip('.')}."]
        if self.returned_to:
            parts.append(f"It went back to {self.returned_to}, which is proven live.")
            if self.plan_empty is not None:
                parts.append(
                    "The next plan is empty." if self.plan_empty else "The next plan is NOT empty: look at it."
                )
        if self.marked:
            parts.append(f"{self.revision} is marked as failed.")
        return " ".join(parts)
