"""One endpoint: its status, its fleets, and who gets a request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.core.utils import utcnow

from sandbox.runtime import clock
from sandbox.runtime.fleet import Fleet

log = logging.getLogger(__name__)
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


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
    phase: str | None = None  # of a deployment, as the page shows it
    phase_ends: datetime | None = None  # of AWS's time
    changed: datetime = field(default_factory=lambda: clock.shared().now())  # of AWS's time
    alarms: tuple[str, ...] = ()  # that may roll the deployment back
    tell: Callable[[Endpoint], None] = field(default=lambda _: None, repr=False)  # of each change of status
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
            self.changed = clock.shared().now()
        self.tell(self)

    def enter(self, phase: str | None, seconds: float = 0.0) -> None:
        """Begin a phase of a deployment that lasts so many AWS seconds; None: there is none under way."""
        self.phase = phase
        self.phase_ends = clock.shared().now() + timedelta(seconds=seconds) if phase else None

    def fleet_for(self, draw: float) -> Fleet:
        """Return the fleet of one request; `draw` is a random number from 0 up to 100."""
        green = self.green
        return green if green is not None and draw < self.share else self.fleet
