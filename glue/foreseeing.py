"""What a plan comes to on the live endpoint, which Terraform cannot say: fewer instances, or what was undone before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glue import live as reading
from glue.core.capacity import KINDS, scales_in
from glue.returning import undone

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.revision import Revisions
    from glue.tf.runner import Planned


@dataclass(frozen=True)
class Foreseen:
    """`scales_in`: instances now and then, by variant; `undone`: how SageMaker undid it before, None if it did not."""

    scales_in: dict[str, tuple[int, int]] = field(default_factory=dict)
    undone: str | None = None

    def lines(self, label: str) -> list[str]:
        """Return warnings for people."""
        found = [
            f"{label}: Warning: variant {name} goes from {now} to {then} instances."
            for name, (now, then) in sorted(self.scales_in.items())
        ]
        if self.undone:
            found.append(
                f"{label}: Warning: {self.undone}. `slipway apply` goes back instead of trying it again; "
                "`slipway promote` and `slipway rollback` try it again with --retry."
            )
        return found


def foresee(session: Session, planned: Planned, revisions: Revisions) -> Foreseen:
    """Return what a plan of an endpoint will come to. AWS is asked only when the endpoint or its scaling changes."""
    stack = planned.stack
    if stack.endpoint is None or not any(change.kind in KINDS for change in planned.summary.changes):
        return Foreseen()
    name = stack.environment.endpoint_name(stack.endpoint)
    live = reading.read(session.sagemaker, name)
    return Foreseen(
        scales_in(planned.summary, revisions, live.counts),
        undone(session, stack, revisions, live, held_config=planned.summary.held_config),
    )
