"""Application Auto Scaling: the targets of an endpoint's variants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.aws.errors import Where, translated

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient


@dataclass(frozen=True)
class ScalingTarget:
    """How far a variant may scale. `suspended` says that scaling in or out is switched off."""

    endpoint: str
    variant: str
    minimum: int
    maximum: int
    suspended: bool


class Autoscaling:
    """Scalable targets of one account."""

    def __init__(self, client: ApplicationAutoScalingClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def targets(self, endpoint: str, variants: Iterable[str]) -> tuple[ScalingTarget, ...]:
        """Return the targets of an endpoint's variants, those that have one."""
        wanted = [f"endpoint/{endpoint}/variant/{variant}" for variant in variants]
        if not wanted:
            return ()
        with translated(self._where, f"autoscaling of endpoint {endpoint}"):
            pages = self._client.get_paginator("describe_scalable_targets").paginate(
                ServiceNamespace="sagemaker", ResourceIds=wanted
            )
            entries = [entry for page in pages for entry in page["ScalableTargets"]]
        return tuple(
            ScalingTarget(
                endpoint=endpoint,
                variant=entry["ResourceId"].rpartition("/")[2],
                minimum=entry["MinCapacity"],
                maximum=entry["MaxCapacity"],
                suspended=any(entry.get("SuspendedState", {}).values()),
            )
            for entry in entries
        )
