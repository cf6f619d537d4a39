"""Ends a deployment that is under way: a datum turns the abort alarm red, and SageMaker rolls back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from glue.core import names

if TYPE_CHECKING:
    from glue.aws.session import Session

# A high-resolution alarm looks at periods of 10 s: a datum every 5 s is in each of them
# (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html).
EVERY_S = 5.0
# From the datum to RollingBack: an evaluation of the alarm, and SageMaker's look at it.
RING_S = 300.0


def ring(
    session: Session,
    endpoint: str,
    *,
    wait: Callable[[float], bool],
    clock: Callable[[], float] = time.monotonic,
    timeout_s: float = RING_S,
) -> str | None:
    """Put abort data until SageMaker leaves Updating, and return the status that it went to.

    `endpoint` is the full name; `wait(seconds)` pauses, and ends it all by returning true. Returns the last status
    seen, None when the endpoint is gone; Updating then means that nothing listened.
    """
    until = clock() + timeout_s
    while True:
        session.cloudwatch.put(names.DEPLOYMENTS, names.ABORT_METRIC, dimensions={names.ENDPOINT_DIMENSION: endpoint})
        ended = wait(EVERY_S)
        state = session.sagemaker.endpoint(endpoint)
        status = state.status if state else None
        if status != "Updating" or ended or clock() >= until:
            return status
