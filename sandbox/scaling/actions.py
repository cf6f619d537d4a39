"""Scheduled actions: on the clock, each sets a target's minimum and maximum.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends

from sandbox.runtime import clock
from sandbox.scaling import capacity
from sandbox.scaling.schedules import following

log = logging.getLogger(__name__)
Key = tuple[str, str, str, str]


@dataclass
class Action:
    """One scheduled action; `request` is what PutScheduledAction got."""

    account_id: str
    region: str
    name: str
    namespace: str
    resource_id: str
    dimension: str
    request: dict[str, Any]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    timer: clock.Timer | None = None

    def cancel(self) -> None:
        """It is due no more."""
        if self.timer is not None:
            self.timer.cancel()

    def plan(self) -> None:
        """Set the clock for the next time, if there is one. Raises ValueError for a malformed schedule."""
        self.cancel()
        shared = clock.shared()
        moment = shared.now()
        begin, end = self._limit("StartTime"), self._limit("EndTime")
        due = following(
            str(self.request["Schedule"]),
            moment if begin is None or begin < moment else begin - timedelta(seconds=1),
            zone=str(self.request.get("Timezone") or "UTC"),
            begin=begin or self.created + timedelta(seconds=shared.ahead()),
        )
        if due is not None and (end is None or due <= end):
            self.timer = shared.at(due, self._run, name=f"scheduled action {self.name}")

    def describe(self) -> dict[str, Any]:
        """Return a ScheduledAction of the API."""
        echoed = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")
        return {
            "ScheduledActionName": self.name,
            "ScheduledActionARN": f"arn:aws:autoscaling:{self.region}:{self.account_id}:scheduledAction:"
            f"{self.namespace}/{self.resource_id}:scheduledActionName/{self.name}",
            "ServiceNamespace": self.namespace,
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
            "CreationTime": self.created.timestamp(),
            **{name: self.request[name] for name in echoed if self.request.get(name) is not None},
        }

    def _limit(self, name: str) -> datetime | None:
        """A client's time, on AWS's clock."""
        given = self.request.get(name)
        if given is None:
            return None
        seconds = float(given) if not isinstance(given, str) else datetime.fromisoformat(given).timestamp()
        return datetime.fromtimestamp(seconds + clock.shared().ahead(), UTC)

    def _run(self) -> None:
        target = capacity.target_of(self.account_id, self.region, self.dimension, self.resource_id)
        if target is not None and not capacity.suspended(target, "ScheduledScaling"):
            wanted = self.request.get("ScalableTargetAction") or {}
            if wanted.get("MinCapacity") is not None:
                target.min_capacity = int(wanted["MinCapacity"])
            if wanted.get("MaxCapacity") is not None:
                target.max_capacity = int(wanted["MaxCapacity"])
            log.info("scheduled action %s: %s to %s", self.name, target.min_capacity, target.max_capacity)
            capacity.keep_within(self.account_id, self.region, target)
        self.plan()


def actions_of(account_id: str, region: str) -> dict[Key, Action]:
    """Return the scheduled actions of an account and region."""
    backend: Any = applicationautoscaling_backends[account_id][region]
    found: dict[Key, Action] = backend.__dict__.setdefault("sandbox_scheduled", {})
    return found


def put(account_id: str, region: str, request: Mapping[str, Any]) -> None:
    """Make or change a scheduled action. Raises ValueError."""
    key = (
        request["ServiceNamespace"],
        request["ResourceId"],
        request["ScalableDimension"],
        request["ScheduledActionName"],
    )
    known = actions_of(account_id, region)
    before = known.get(key)
    merged = {
        **(before.request if before else {}),
        **{name: value for name, value in request.items() if value is not None},
    }
    if not merged.get("Schedule"):
        raise ValueError("Schedule is required.")
    bounds = merged.get("ScalableTargetAction") or {}
    if bounds.get("MinCapacity") is None and bounds.get("MaxCapacity") is None:
        raise ValueError("ScalableTargetAction needs a minimum or a maximum.")
    action = Action(account_id, region, key[3], key[0], key[1], key[2], merged)
    action.plan()
    if before is not None:
        before.cancel()
        action.created = before.created
    known[key] = action


def drop(account_id: str, region: str, target: tuple[str, str, str]) -> None:
    """Forget the scheduled actions of a target."""
    known = actions_of(account_id, region)
    for key, action in list(known.items()):
        if key[:3] == target:
            action.cancel()
            del known[key]
