"""Refuses a deployment that SageMaker would undo at once, for a rollback alarm that rings before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glue.core.capacity import deploys, guards_in
from glue.core.plan import PlanSummary
from glue.core.revision import remark
from glue.core.truth import Live
from glue.errors import RefusedError
from glue.returning import look
from glue.surrounding import guard_names
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.aws.session import Session


def refuse(session: Session, stack: Stack, plan: PlanSummary, live: Live) -> None:
    """Raise RefusedError when an alarm that guards the planned deployment of a live endpoint is in ALARM now."""
    if live.endpoint is None or not deploys(plan):
        return
    names = guards_in(plan) or guard_names(live.endpoint.last_deployment)  # a saved plan's notes hold no values
    ringing = [alarm for alarm in session.cloudwatch.alarms(names).values() if alarm.rings]
    if ringing:
        told = "; ".join(f"{alarm.name} (since {alarm.since[:19]}: {remark(alarm.reason)[:200]})" for alarm in ringing)
        raise RefusedError(
            f"{stack.label}: SageMaker would undo the deployment at once: in ALARM already are {told}",
            remedy="Mend the cause, or go back with `slipway rollback`, which these alarms do not undo; "
            f"{look(stack)} When they are OK, run the same command again.",
        )
