"""Endpoint variants as Application Auto Scaling sees them.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from typing import Any

from moto.sagemaker.models import sagemaker_backends

from sandbox.ext.sagemaker_common import LOCK
from sandbox.runtime import context, deployment
from sandbox.runtime.endpoint import Endpoint
from sandbox.runtime.fleet import Variant
from sandbox.scaling import capacity
from sandbox.settings import Settings

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def install(settings: Settings) -> None:
    """Let Application Auto Scaling change instance counts."""
    del settings
    capacity.offer(DIMENSION, Instances())


class Instances:
    """The instances of `endpoint/<name>/variant/<name>`."""

    word = "instance count"

    def desired(self, account_id: str, region: str, resource_id: str) -> int | None:
        """Return the wanted instance count; None for what has none."""
        found = _find(account_id, region, resource_id)
        return found[1].desired_count if found is not None else None

    def ready(self, account_id: str, region: str, resource_id: str) -> bool:
        """Only an endpoint at rest is scaled."""
        found = _find(account_id, region, resource_id)
        return found is not None and found[0].status == "InService"

    def change(self, account_id: str, region: str, resource_id: str, count: int, done: capacity.Done) -> None:
        """UpdateEndpointWeightsAndCapacities, as the service-linked role does it. Raises ValueError."""
        with LOCK:
            found = _find(account_id, region, resource_id)
            if found is None or found[0].status != "InService":
                raise ValueError(f"{resource_id} cannot be scaled now")
            endpoint, variant = found
            endpoint.move("Updating", endpoint.failure_reason)
        steps = deployment.safely(endpoint, deployment.scale(endpoint, {variant.name: (None, count)}, done))
        context.current().clock.run(steps, name=f"autoscale {endpoint.name}")


def _find(account_id: str, region: str, resource_id: str) -> tuple[Endpoint, Variant] | None:
    parts = resource_id.split("/")
    if len(parts) != 4 or (parts[0], parts[2]) != ("endpoint", "variant"):
        return None
    backend: Any = sagemaker_backends[account_id][region]
    endpoint: Endpoint | None = backend.endpoints.get(parts[1])
    variant = endpoint.fleet.variants.get(parts[3]) if endpoint is not None else None
    return (endpoint, variant) if endpoint is not None and variant is not None else None
