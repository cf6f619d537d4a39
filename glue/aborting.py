"""Ends a deployment that is under way: a datum turns the abort alarm red, and SageMaker rolls back.

Terraform waits for the deployment meanwhile, and holds the endpoint's state lock: nothing here needs either.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from glue import live as reading
from glue.console import Console
from glue.core import abort as rules
from glue.core import audit, names
from glue.core.abort import Aborted, UnderWay
from glue.core.truth import revision_in
from glue.errors import RefusedError, SlipwayError

if TYPE_CHECKING:
    from glue.aws.session import Session

# A high-resolution alarm looks at periods of 10 s: a datum every 5 s is in each of them
# (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html).
EVERY_S = 5.0
LOOK_S = 1.0
# From the datum to RollingBack: an evaluation of the alarm, and SageMaker's look at it.
RING_S = 300.0
# From the last datum until the alarm is OK: CloudWatch looks back over more than one period.
QUIET_S = 180.0
# Records of aborts are looked for among so many of the newest, from so long before a deployment began: clocks differ.
_RECORDS = 10
_EARLIER = timedelta(minutes=1)

Wait = Callable[[float], bool]


def find(session: Session, endpoint: str) -> UnderWay:
    """Return the deployment of an endpoint (its short name) that can be aborted. Raises RefusedError when none can."""
    name = session.environment.endpoint_name(endpoint)
    found = rules.under_way(name, session.sagemaker.endpoint(name))
    alarm = names.abort_alarm(name)
    if not found.rolls_back and not session.cloudwatch.alarms([alarm]):
        raise RefusedError(
            f"alarm {alarm} does not exist, so that deployments of {name} cannot be aborted",
            remedy="Apply the endpoint once more after this deployment: its module makes the alarm.",
        )
    return found


def abort(
    session: Session,
    found: UnderWay,
    *,
    console: Console,
    wait: Wait | None = None,
    clock: Callable[[], float] = time.monotonic,
    timeout_s: float = RING_S,
) -> Aborted:
    """End a deployment, wait until SageMaker is done with it, and return what is live.

    Raises SlipwayError when SageMaker does not react in time.
    """
    began = clock()
    if not found.rolls_back:
        status = ring(session, found.endpoint, wait=wait or _sleep, clock=clock, timeout_s=timeout_s)
        if status == "Updating":
            alarm = names.abort_alarm(found.endpoint)
            seen = session.cloudwatch.alarms([alarm]).get(alarm)
            raise SlipwayError(
                f"endpoint {found.endpoint} is still Updating {timeout_s:.0f} s after the first datum; alarm {alarm} "
                f"{f'is {seen.state}' if seen else 'is gone'}",
                remedy="This deployment may not listen to the alarm: it began before the alarm was one of its "
                "rollback alarms. `slipway rollback` goes back when it is over.",
            )
    live = reading.settled(session.sagemaker, found.endpoint, progress=console.say)
    _quiet(session, found.endpoint, console=console, wait=wait or _sleep, clock=clock)
    state = live.endpoint
    served = revision_in(state.config, found.endpoint) if state else None
    return Aborted(
        found,
        live=served,
        status=state.status if state else "gone",
        seconds=clock() - began,
        well=state is not None and state.config == found.config,
        said=state.failure if state else None,
    )


def _quiet(
    session: Session, endpoint: str, *, console: Console, wait: Wait, clock: Callable[[], float] = time.monotonic
) -> None:
    """Wait until the alarm is no longer red: SageMaker would undo the next deployment at once."""
    alarm, until = names.abort_alarm(endpoint), clock() + QUIET_S
    while (seen := session.cloudwatch.alarms([alarm]).get(alarm)) and seen.rings:
        if clock() >= until:
            console.warn(f"alarm {alarm} is still red; no deployment can begin before it is OK")
            return
        console.say(f"alarm {alarm} is still red")
        wait(EVERY_S)


def ring(
    session: Session,
    endpoint: str,
    *,
    wait: Wait,
    clock: Callable[[], float] = time.monotonic,
    timeout_s: float = RING_S,
) -> str | None:
    """Put abort data until SageMaker leaves Updating, and return the status that it went to.

    `endpoint` is the full name; `wait(seconds)` pauses, and ends it all by returning true. Returns the last status
    seen, None when the endpoint is gone; Updating then means that nothing listened.
    """
    began, next_datum = clock(), 0.0
    dimensions = {names.ENDPOINT_DIMENSION: endpoint}
    while True:
        passed = clock() - began
        if passed >= next_datum:
            session.cloudwatch.put(names.DEPLOYMENTS, names.ABORT_METRIC, dimensions=dimensions)
            next_datum = passed + EVERY_S
        ended = wait(LOOK_S)
        state = session.sagemaker.endpoint(endpoint)
        status = state.status if state else None
        if status != "Updating" or ended or clock() - began >= timeout_s:
            return status


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def reason_of(session: Session, endpoint: str, *, revision: str, since: datetime) -> str | None:
    """Return `aborted by …: …` when somebody aborted the deployment of a revision, None when the records say nothing.

    Another process did: what it leaves is its audit record. `endpoint` is the short name, `since` when the deployment
    began.
    """
    from glue import auditing  # noqa: PLC0415 - boto3 is paid for by those who need it

    try:
        kept = auditing.records(session, endpoint, limit=_RECORDS)
    except SlipwayError:
        return None
    aborts = [entry for entry, _ in kept if isinstance(entry, audit.Record) and entry.action == "abort"]
    for entry in aborts:
        if entry.source == revision and audit.time_of(entry.started) >= since - _EARLIER:
            return f"aborted by {entry.by}: {entry.why}"
    return None
