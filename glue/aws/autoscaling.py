"""Application Auto Scaling: how the variants of an endpoint are scaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated
from glue.core.surroundings import ScalableTarget, ScalingPolicy, ScheduledAction

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient

_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


class AutoScaling:
    """Application Auto Scaling in one account. An endpoint is named in full."""

    def __init__(self, client: ApplicationAutoScalingClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def targets(self, endpoint: str, variants: tuple[str, ...]) -> dict[str, ScalableTarget]:
        """Return the registered variants of an endpoint, by name."""
        if not variants:
            return {}
        found: dict[str, ScalableTarget] = {}
        # ResourceIds takes 50, an endpoint has 11 variants at most
        asked = [_resource(endpoint, variant) for variant in variants]
        for entry in self._pages("describe_scalable_targets", "ScalableTargets", endpoint, ResourceIds=asked):
            variant = _variant(entry)
            state: Mapping[str, Any] = entry.get("SuspendedState") or {}
            found[variant] = ScalableTarget(
                variant=variant,
                minimum=entry["MinCapacity"],
                maximum=entry["MaxCapacity"],
                suspended=tuple(name for name in _SUSPENSIONS if state.get(name)),
            )
        return found

    def policies(self, endpoint: str, variant: str) -> tuple[ScalingPolicy, ...]:
        """Return the scaling policies of a variant, by name."""
        entries = self._pages(
            "describe_scaling_policies", "ScalingPolicies", endpoint, ResourceId=_resource(endpoint, variant)
        )
        found = [
            ScalingPolicy(
                name=entry["PolicyName"],
                variant=variant,
                kind=entry["PolicyType"],
                target=(entry.get("TargetTrackingScalingPolicyConfiguration") or {}).get("TargetValue"),
            )
            for entry in entries
        ]
        return tuple(sorted(found, key=lambda policy: policy.name))

    def actions(self, endpoint: str, variant: str) -> tuple[ScheduledAction, ...]:
        """Return the scheduled actions of a variant, by name."""
        entries = self._pages(
            "describe_scheduled_actions", "ScheduledActions", endpoint, ResourceId=_resource(endpoint, variant)
        )
        found = []
        for entry in entries:
            bounds = entry.get("ScalableTargetAction") or {}
            found.append(
                ScheduledAction(
                    name=entry["ScheduledActionName"],
                    variant=variant,
                    schedule=entry["Schedule"],
                    time_zone=entry.get("Timezone") or "UTC",
                    minimum=bounds.get("MinCapacity"),
                    maximum=bounds.get("MaxCapacity"),
                )
            )
        return tuple(sorted(found, key=lambda action: action.name))

    def _pages(self, operation: str, key: str, endpoint: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        """Yield every entry of every page: a page may be empty and still not be the last."""
        call: Any = getattr(self._client, operation)
        token: dict[str, str] = {}
        while True:
            with translated(self._where, f"autoscaling of endpoint {endpoint}"):
                page = call(ServiceNamespace=_NAMESPACE, ScalableDimension=_DIMENSION, **arguments, **token)
            yield from page[key]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}


def _resource(endpoint: str, variant: str) -> str:
    """Return a variant's name in Auto Scaling (`endpoint/<endpoint>/variant/<variant>`)."""
    return f"endpoint/{endpoint}/variant/{variant}"


def _variant(entry: Mapping[str, Any]) -> str:
    return str(entry["ResourceId"]).rpartition("/variant/")[2]
