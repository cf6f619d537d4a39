"""Reads from AWS what stands around an endpoint: how its variants are scaled, and the alarms that undo deployments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue.core.surroundings import Alarm, Surroundings

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.truth import Live


def read(session: Session, endpoint: str, live: Live) -> Surroundings:
    """Return what stands around an endpoint (its full name) that was read as `live`; nothing around none."""
    if live.endpoint is None:
        return Surroundings()
    variants = tuple(sorted({**live.endpoint.variants, **live.endpoint.shadow_variants}))
    scaling = session.autoscaling
    targets = scaling.targets(endpoint, variants)
    return Surroundings(
        targets=targets,
        policies=tuple(policy for name in sorted(targets) for policy in scaling.policies(endpoint, name)),
        actions=tuple(action for name in sorted(targets) for action in scaling.actions(endpoint, name)),
        **guards(session, live),
    )


def guards(session: Session, live: Live) -> dict[str, Any]:
    """Return the names of the rollback alarms of an endpoint's last deployment, and these alarms by name."""
    names = guard_names(live.endpoint.last_deployment if live.endpoint else None)
    return {"guards": names, "alarms": session.cloudwatch.alarms(names)}


def guard_names(deployment: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the names in a DeploymentConfig's AutoRollbackConfiguration.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AutoRollbackConfig.html
    """
    rollback = (deployment or {}).get("AutoRollbackConfiguration") or {}
    return tuple(sorted(str(alarm["AlarmName"]) for alarm in rollback.get("Alarms") or () if alarm.get("AlarmName")))


def rang(session: Session, live: Live, *, since: str) -> tuple[Alarm, ...]:
    """Return the rollback alarms that went into ALARM after a moment (RFC 3339), the first first."""
    names = guard_names(live.endpoint.last_deployment if live.endpoint else None)
    found = [alarm for name in names if since and (alarm := session.cloudwatch.rang(name, after=since)) is not None]
    return tuple(sorted(found, key=lambda alarm: alarm.since))
