"""What a principal can do among a finite list of probes, and which statement lets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from glue.iam.model import Decision, Principal, Request
from glue.iam.world import World, decide


@dataclass(frozen=True, slots=True)
class Probe:
    """One action on one resource in one context."""

    action: str
    resource: str = "*"
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    resource_account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """A probe and what was decided about it."""

    probe: Probe
    decision: Decision


def probe_all(principal: Principal, probes: Iterable[Probe], world: World) -> tuple[Reach, ...]:
    """Return the decision about each probe, in order."""
    return tuple(
        Reach(
            probe,
            decide(Request(principal, probe.action, probe.resource, probe.context, probe.resource_account_id), world),
        )
        for probe in probes
    )


def reachable(principal: Principal, probes: Iterable[Probe], world: World) -> tuple[Reach, ...]:
    """Return the probes that are allowed; each decision names the statements that allow it."""
    return tuple(reach for reach in probe_all(principal, probes, world) if reach.decision.allowed)


def session_of(role_arn: str, *, name: str = "probe", tags: Mapping[str, str] | None = None) -> Principal:
    """Return a session of a role, as AssumeRole would make it."""
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    role = role_arn.rsplit("/", 1)[-1]
    arn = f"arn:{partition}:sts::{account}:assumed-role/{role}/{name}"
    return Principal("session", arn, account, role_arn=role_arn, tags=tags or {})
