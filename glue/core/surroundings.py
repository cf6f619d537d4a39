"""What stands around an endpoint and decides how it scales and when it is rolled back, as AWS describes it.

Values are AWS's own: https://docs.aws.amazon.com/autoscaling/application/APIReference/ and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/. Times are RFC 3339.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

IN_ALARM = "ALARM"


@dataclass(frozen=True)
class ScalableTarget:
    """The bounds, in instances, that a variant is registered with, and what of its scaling is suspended."""

    variant: str
    minimum: int
    maximum: int
    suspended: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScalingPolicy:
    """A scaling policy of a variant; `target` is what target tracking keeps to, None for step scaling."""

    name: str
    variant: str
    kind: str
    target: float | None = None


@dataclass(frozen=True)
class ScheduledAction:
    """A change of a variant's bounds on a schedule; None: the bound is left as it is."""

    name: str
    variant: str
    schedule: str
    time_zone: str
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True)
class Alarm:
    """An alarm: OK, ALARM or INSUFFICIENT_DATA, since when, and why in CloudWatch's words."""

    name: str
    state: str
    since: str = ""
    reason: str = ""

    @property
    def rings(self) -> bool:
        """Whether it is in ALARM; too little data is no alarm."""
        return self.state == IN_ALARM


@dataclass(frozen=True)
class Surroundings:
    """All of it for one endpoint. `guards` names the alarms that its last deployment was rolled back by."""

    targets: Mapping[str, ScalableTarget] = field(default_factory=dict)
    policies: tuple[ScalingPolicy, ...] = ()
    actions: tuple[ScheduledAction, ...] = ()
    guards: tuple[str, ...] = ()
    alarms: Mapping[str, Alarm] = field(default_factory=dict)

    @property
    def ringing(self) -> tuple[Alarm, ...]:
        """The guards that are in ALARM, by name."""
        return tuple(
            self.alarms[name] for name in sorted(self.guards) if name in self.alarms and self.alarms[name].rings
        )
