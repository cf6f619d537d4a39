"""Scalable targets, what their capacity is, and the activities that changed it.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalingActivity.html
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from moto.applicationautoscaling.models import applicationautoscaling_backends

log = logging.getLogger(__name__)
HISTORY = 500  # activities of one account and region; AWS keeps six weeks
# whether it went well, and why not
Done = Callable[[bool, str], None]
_lock = threading.RLock()


class Capacity(Protocol):
    """What a service lets Application Auto Scaling do with one scalable dimension."""

    word: str  # what is counted, as in "Setting desired instance count to 3."

    def desired(self, account_id: str, region: str, resource_id: str) -> int | None:
        """Return the capacity that is wanted now; None when there is no such resource."""

    def ready(self, account_id: str, region: str, resource_id: str) -> bool:
        """Whether the capacity can be changed now."""

    def change(self, account_id: str, region: str, resource_id: str, count: int, done: Done) -> None:
        """Begin to change it; `done` is called at the end. Raises ValueError when it cannot begin."""


_capacities: dict[str, Capacity] = {}


def offer(dimension: str, capacity: Capacity) -> None:
    """Let Application Auto Scaling scale a dimension."""
    _capacities[dimension] = capacity


@dataclass
class Activity:
    """One change of capacity. Times are the wall clock's."""

    namespace: str
    resource_id: str
    dimension: str
    cause: str
    description: str
    status: str = "Pending"  # InProgress, Successful, Failed
    message: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    activity_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def activities_of(account_id: str, region: str) -> list[Activity]:
    """Return all activities, the oldest first."""
    backend: Any = applicationautoscaling_backends[account_id][region]
    found: list[Activity] = backend.__dict__.setdefault("sandbox_activities", [])
    return found


def target_of(account_id: str, region: str, dimension: str, resource_id: str) -> Any:
    """Return moto's scalable target, or None."""
    return applicationautoscaling_backends[account_id][region].targets.get(dimension, {}).get(resource_id)


def current(account_id: str, region: str, dimension: str, resource_id: str) -> int | None:
    """Return the capacity that is wanted now; None when nothing of that kind can be scaled here."""
    capacity = _capacities.get(dimension)
    return capacity.desired(account_id, region, resource_id) if capacity is not None else None


def suspended(target: Any, kind: str) -> bool:
    """Whether scaling of a kind is suspended: DynamicScalingIn, DynamicScalingOut, ScheduledScaling."""
    return bool((target.suspended_state or {}).get(f"{kind}Suspended"))


def set_desired(account_id: str, region: str, target: Any, count: int, cause: str) -> Activity | None:
    """Set the capacity, within the target's limits. Returns the activity, or None: as it is, or not possible just now.

    A refusal of the service is an activity that failed.
    """
    capacity = _capacities.get(target.scalable_dimension)
    if capacity is None:
        return None
    resource = target.resource_id
    count = max(int(target.min_capacity), min(count, int(target.max_capacity)))
    with _lock:
        before = capacity.desired(account_id, region, resource)
        if before is None or before == count or not capacity.ready(account_id, region, resource):
            return None
        activity = Activity(
            target.service_namespace,
            resource,
            target.scalable_dimension,
            cause,
            f"Setting desired {capacity.word} to {count}.",
            "InProgress",
            f"Successfully set desired {capacity.word} to {count}. Waiting for change to be fulfilled by "
            f"{target.service_namespace}.",
        )
        known = activities_of(account_id, region)
        known.append(activity)
        del known[:-HISTORY]

        def done(well: bool, why: str) -> None:
            activity.ended = datetime.now(UTC)
            activity.status = "Successful" if well else "Failed"
            activity.message = (
                f"Successfully set desired {capacity.word} to {count}. Change successfully fulfilled by "
                f"{target.service_namespace}."
                if well
                else f"Failed to set desired {capacity.word} to {count}. Reason: {why}"
            )

        log.info("%s of %s: %s -> %s (%s)", resource, account_id, before, count, cause)
        try:
            capacity.change(account_id, region, resource, count, done)
        except ValueError as error:
            done(False, str(error))
        return activity


def keep_within(account_id: str, region: str, target: Any) -> None:
    """Bring the capacity between minimum and maximum, as after a registration that moved them."""
    now = current(account_id, region, target.scalable_dimension, target.resource_id)
    if now is None:
        return
    if now < int(target.min_capacity):
        set_desired(account_id, region, target, now, f"minimum capacity was set to {target.min_capacity}")
    elif now > int(target.max_capacity):
        set_desired(account_id, region, target, now, f"maximum capacity was set to {target.max_capacity}")
