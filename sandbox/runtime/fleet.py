"""The instances behind one endpoint config: a model server for each variant, and how requests are shared out."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

from sandbox.runtime.container import StartError, describe
from sandbox.runtime.context import Context
from sandbox.runtime.group import ServerGroup
from sandbox.runtime.metrics import Host

log = logging.getLogger(__name__)


@dataclass
class Variant:
    """One production or shadow variant as it is now. `count` is None for a serverless one."""

    name: str
    settings: Mapping[str, Any]  # as in CreateEndpointConfig
    weight: float
    desired_weight: float
    count: int | None
    desired_count: int | None
    image: str
    server: ServerGroup
    resolved: str  # the image by its digest
    resolved_at: datetime = field(default_factory=utcnow)
    host: Host = field(default_factory=Host)

    @property
    def serverless(self) -> Mapping[str, Any] | None:
        """The serverless settings, if it has no instances."""
        return self.settings.get("ServerlessConfig")


@dataclass
class Fleet:
    """All variants of one endpoint config."""

    config_name: str
    capture: Mapping[str, Any] | None
    variants: dict[str, Variant]
    asynchronous: Mapping[str, Any] | None = None  # AsyncInferenceConfig
    shadows: dict[str, Variant] = field(default_factory=dict)

    def everyone(self) -> list[Variant]:
        """Production and shadow variants."""
        return [*self.variants.values(), *self.shadows.values()]

    def choose(self, target: str | None = None) -> Variant | None:
        """Return the variant that takes the next request: the named one, else by weight. None when there is none."""
        if target is not None:
            return self.variants.get(target)
        candidates = list(self.variants.values())
        weights = [variant.weight for variant in candidates]
        if not any(weights):
            return None
        return random.choices(candidates, weights)[0]  # noqa: S311 (not a secret)

    def start(self) -> None:
        """Start all servers side by side. Raises StartError with the first reason; then none is left running."""
        everyone = self.everyone()
        with ThreadPoolExecutor(max_workers=len(everyone)) as pool:
            outcomes = [pool.submit(variant.server.start) for variant in everyone]
        errors = [error for outcome in outcomes if (error := outcome.exception()) is not None]
        if errors:
            self.stop()
            raise errors[0] if isinstance(errors[0], StartError) else StartError(repr(errors[0])) from errors[0]

    def stop(self) -> None:
        """Let requests in flight end, then end all servers, side by side. Never raises."""
        everyone = self.everyone()
        with ThreadPoolExecutor(max_workers=len(everyone)) as pool:
            outcomes = [pool.submit(variant.server.stop) for variant in everyone]
        for variant, outcome in zip(everyone, outcomes, strict=True):
            if outcome.exception() is not None:
                log.error("the server of variant %s did not end", variant.name, exc_info=outcome.exception())


def build(
    context: Context,
    *,
    account_id: str,
    region: str,
    endpoint: str,
    config: Mapping[str, Any],
    models: Mapping[str, Mapping[str, Any]],
) -> Fleet:
    """Return the fleet of an endpoint config, not yet started.

    `models` are the CreateModel requests by name. Raises StartError when a model is gone or cannot be run here.
    """

    def variant(settings: Mapping[str, Any]) -> Variant:
        count = None if settings.get("ServerlessConfig") else int(settings.get("InitialInstanceCount") or 1)
        weight = float(settings.get("InitialVariantWeight", 1.0))
        name = settings.get("ModelName", "")
        if name not in models:
            raise StartError(f'Could not find model "arn:aws:sagemaker:{region}:{account_id}:model/{name.lower()}".')
        container = describe(models[name], settings, account_id=account_id, region=region, endpoint=endpoint)
        server = ServerGroup(context, container, 1 if count is None else count, settings.get("ServerlessConfig"))
        resolved = context.resolve(account_id, region, container.image)
        name = settings["VariantName"]
        return Variant(name, settings, weight, weight, count, count, container.image, server, resolved)

    return Fleet(
        config_name=config["EndpointConfigName"],
        capture=config.get("DataCaptureConfig"),
        asynchronous=config.get("AsyncInferenceConfig"),
        variants=_by_name(variant(one) for one in config["ProductionVariants"]),
        shadows=_by_name(variant(one) for one in config.get("ShadowProductionVariants") or []),
    )


def retain(new: Fleet, old: Fleet, *, exclude: Iterable[str] = ()) -> None:
    """Carry instance counts, weights and capture of the old fleet over to the new one (RetainAllVariantProperties).

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html
    """
    excluded = set(exclude)
    for name, variant in new.variants.items():
        before = old.variants.get(name)
        if before is None:
            continue
        if "DesiredInstanceCount" not in excluded and None not in (variant.count, before.desired_count):
            variant.count = variant.desired_count = before.desired_count
        if "DesiredWeight" not in excluded:
            variant.weight = variant.desired_weight = before.desired_weight
    if "DataCaptureConfig" not in excluded:
        new.capture = old.capture


def _by_name(variants: Iterable[Variant]) -> dict[str, Variant]:
    return {variant.name: variant for variant in variants}
