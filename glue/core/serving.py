"""The serving settings that a human writes into an endpoint's tfvars file: what the next revision freezes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glue.core.revision import Network, Serverless


@dataclass(frozen=True)
class VariantSettings:
    """Which model a variant serves, on which capacity, with which share of the traffic. Timeouts are in seconds."""

    model: str
    environment: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    instance_type: str | None = None
    instance_count: int | None = None
    serverless: Serverless | None = None
    container_startup_health_check_timeout_in_seconds: int | None = None
    model_data_download_timeout_in_seconds: int | None = None


@dataclass(frozen=True)
class CaptureSettings:
    """Which share of the requests is captured, in percent, and what of them. Empty tuples mean the usual."""

    sampling_percentage: int
    modes: tuple[str, ...] = ()
    json_content_types: tuple[str, ...] = ()
    csv_content_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class AsyncSettings:
    """How an asynchronous endpoint works: requests at once for each instance, and topics; None is SageMaker's own."""

    max_concurrent_invocations_per_instance: int | None = None
    success_topic_arn: str | None = None
    error_topic_arn: str | None = None


@dataclass(frozen=True)
class Bounds:
    """What autoscaling may do with a variant's instances, schedules included.

    `policies` holds, by the kind in a policy's name, the target that it keeps; None: a target that Terraform works out.
    `schedules` holds, by name, expression, time zone, and the bounds from then on.
    """

    minimum: int
    maximum: int
    policies: Mapping[str, float | None] = field(default_factory=dict)
    schedules: Mapping[str, tuple[str, str, int | None, int | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointSettings:
    """What the glue reads of an endpoint's file. Everything else in it is Terraform's."""

    endpoint: str
    variants: Mapping[str, VariantSettings]
    shadow_variants: Mapping[str, VariantSettings] = field(default_factory=dict)
    asynchronous: AsyncSettings | None = None
    data_capture: CaptureSettings | None = None
    network: Network | None = None
    volume_key_arn: str | None = None
    autoscaling: Mapping[str, Bounds] = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that its variants serve, sorted, each once."""
        all_variants = [*self.variants.values(), *self.shadow_variants.values()]
        return tuple(sorted({variant.model for variant in all_variants}))

    def model_of(self, variant: str) -> str | None:
        """The model of a variant or shadow variant, None when there is no such variant."""
        entry = {**self.variants, **self.shadow_variants}.get(variant)
        return entry.model if entry else None

    def variants_of(self, model: str) -> tuple[str, ...]:
        """The names of the variants and shadow variants that serve a model, in the file's order."""
        return tuple(name for name, entry in {**self.variants, **self.shadow_variants}.items() if entry.model == model)
