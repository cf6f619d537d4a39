"""An endpoint's life: one generator for each thing that happens to it, in AWS seconds.

States and transitions: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

from sandbox.events import sagemaker as events
from sandbox.runtime.clock import Steps
from sandbox.runtime.container import StartError
from sandbox.runtime.fleet import Fleet
from sandbox.runtime.strategy import Plan

log = logging.getLogger(__name__)
PROVISION = 60.0  # AWS seconds from the request until instances run
CAPACITY = 30.0  # until a changed instance count is there
TERMINATE = 30.0
ROLL_BACK = 30.0
WATCH_EVERY = 10.0
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
Watching = Generator[float, None, tuple[str | None, float]]
Alarm = Callable[[str], bool]  # whether the alarm with this name is in state ALARM


@dataclass
class Endpoint:
    """One endpoint, as DescribeEndpoint shows it. `lock` guards the step from one state to the next."""

    name: str
    arn: str
    account_id: str
    region: str
    tags: list[dict[str, str]]
    config_name: str
    fleet: Fleet  # what is live; while Creating, what will be
    status: str = "Creating"
    failure_reason: str | None = None
    last_deployment: Mapping[str, Any] | None = None
    pending: Fleet | None = None  # of the deployment under way
    started: datetime | None = None
    green: Fleet | None = None  # the pending fleet, once its servers run
    share: float = 0.0  # per cent of requests to the green fleet
    creation_time: datetime = field(default_factory=utcnow)
    last_modified_time: datetime = field(default_factory=utcnow)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def pending_config(self) -> str | None:
        """The name of the config that is being deployed, if any."""
        return self.pending.config_name if self.pending is not None else None

    @property
    def serving(self) -> bool:
        """Whether it takes requests."""
        return self.status in {"InService", "Updating", "SystemUpdating", "RollingBack"}

    def move(self, status: str, reason: str | None) -> None:
        """Go to a status."""
        with self.lock:
            log.info(
                "endpoint %s of %s: %s -> %s%s",
                self.name,
                self.account_id,
                self.status,
                status,
                f" ({reason})" if reason else "",
            )
            self.status, self.failure_reason, self.last_modified_time = status, reason, utcnow()
        events.endpoint(self)

    def fleet_for(self, draw: float) -> Fleet:
        """Return the fleet of one request; `draw` is a random number from 0 up to 100."""
        green = self.green
        return green if green is not None and draw < self.share else self.fleet


def create(endpoint: Endpoint) -> Steps:
    """Creating -> InService, or Failed with the reason."""
    events.endpoint(endpoint)
    yield PROVISION
    try:
        endpoint.fleet.start()
    except StartError as error:
        endpoint.move("Failed", str(error))
    else:
        endpoint.move("InService", None)


def update(endpoint: Endpoint, green: Fleet, plan: Plan, alarm: Alarm) -> Steps:
    """Updating -> InService on the new config; or RollingBack -> InService on the old one, with the reason kept."""
    blue = endpoint.fleet
    yield PROVISION
    try:
        green.start()
    except StartError as error:
        yield from _roll_back(endpoint, green, str(error))
        return
    with endpoint.lock:
        endpoint.green = green
    spent = PROVISION
    for number, step in enumerate(plan.steps):
        endpoint.share = step
        last = number == len(plan.steps) - 1
        reason, spent = yield from _watch(plan, alarm, plan.bake if last else plan.wait, spent)
        if reason:
            yield from _roll_back(endpoint, green, reason)
            return
    with endpoint.lock:
        endpoint.fleet, endpoint.config_name = green, green.config_name
        endpoint.green = endpoint.pending = endpoint.started = None
        endpoint.share = 0.0
    blue.stop()  # requests that it still works on are answered first
    endpoint.move("InService", None)


def scale(endpoint: Endpoint, wanted: Mapping[str, tuple[float | None, int | None]]) -> Steps:
    """Updating -> InService with other weights and instance counts (UpdateEndpointWeightsAndCapacities)."""
    with endpoint.lock:
        variants = endpoint.fleet.variants
        for name, (weight, count) in wanted.items():
            variants[name].desired_weight = variants[name].desired_weight if weight is None else weight
            variants[name].desired_count = variants[name].desired_count if count is None else count
    yield CAPACITY
    with endpoint.lock:
        for variant in endpoint.fleet.variants.values():
            variant.weight, variant.count = variant.desired_weight, variant.desired_count
    endpoint.move("InService", endpoint.failure_reason)


def delete(endpoint: Endpoint, gone: Callable[[], None]) -> Steps:
    """Deleting -> not there."""
    endpoint.fleet.stop()
    yield TERMINATE
    gone()


def _watch(plan: Plan, alarm: Alarm, seconds: float, spent: float) -> Watching:
    """Bake for so many AWS seconds. Returns the reason to roll back, if any, and the AWS seconds spent so far."""
    left = seconds
    while True:
        fired = [name for name in plan.alarms if alarm(name)]
        if fired:
            return f"Deployment was rolled back because alarm(s) [{', '.join(fired)}] went into ALARM state.", spent
        if spent > plan.limit:
            return f"Deployment was rolled back because it took longer than {plan.limit} seconds.", spent
        if left <= 0:
            return None, spent
        pause = min(WATCH_EVERY, left)
        yield pause
        left -= pause
        spent += pause


def _roll_back(endpoint: Endpoint, green: Fleet, reason: str) -> Steps:
    """All traffic goes back to the old fleet, which kept its instance counts and weights."""
    with endpoint.lock:
        endpoint.share = 0.0
    endpoint.move("RollingBack", reason)
    yield ROLL_BACK
    with endpoint.lock:
        endpoint.green = endpoint.pending = endpoint.started = None
    green.stop()
    endpoint.move("InService", reason)
