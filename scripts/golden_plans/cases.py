"""What a case is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.golden_plans.workshop import Source, Workshop

Prior = Callable[[Workshop], dict[str, Any] | None]


@dataclass(frozen=True)
class Case:
    """A plan to make: `after` against the state of `before`, or against nothing."""

    name: str
    about: str
    after: Source
    before: Source | None = None
    flags: tuple[str, ...] = ("-refresh=false",)
    alone: bool = False  # in a plan of its own, where what is at the root matters
    prior: Prior | None = None  # makes the state, in place of the one that `before` comes to

    def plan(self, workshop: Workshop) -> Mapping[str, Any]:
        """Return the plan as Terraform shows it. Raises: workshop.Unplannable."""
        prior = workshop.state_of(self.before) if self.before else None
        if self.prior:
            prior = self.prior(workshop)
        return workshop.plan(self.after, prior=prior, flags=self.flags)


DESTROY = ("-refresh=false", "-destroy")
