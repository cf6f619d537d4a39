"""SageMaker's resources as data, as `glue.aws.sagemaker` reads them: every field that decides what an endpoint does.

Units and values are AWS's own (https://docs.aws.amazon.com/sagemaker/latest/APIReference/). None: AWS did not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class VariantState:
    """A variant of a live endpoint. `images` are those that its instances really run, by digest."""

    name: str
    current_weight: float
    desired_weight: float
    current_instances: int | None
    desired_instances: int | None
    images: tuple[str, ...] = ()
    serverless: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Endpoint:
    """A live endpoint. Times are RFC 3339. `pending_config` is the config that a running deployment goes to."""

    name: str
    arn: str
    status: str
    config: str
    created: str
    modified: str
    failure: str | None = None
    variants: Mapping[str, VariantState] = field(default_factory=dict)
    shadow_variants: Mapping[str, VariantState] = field(default_factory=dict)
    pending_config: str | None = None
    last_deployment: Mapping[str, object] | None = None
    capture_status: str | None = None  # Started or Stopped


@dataclass(frozen=True)
class Serverless:
    """A serverless variant's settings."""

    memory_size_in_mb: int
    max_concurrency: int
    provisioned_concurrency: int | None = None


@dataclass(frozen=True)
class VariantConfig:
    """A variant of an endpoint config."""

    name: str
    model: str
    weight: float
    instance_type: str | None = None
    initial_instance_count: int | None = None
    serverless: Serverless | None = None
    volume_size_in_gb: int | None = None
    container_startup_health_check_timeout_in_seconds: int | None = None
    model_data_download_timeout_in_seconds: int | None = None


@dataclass(frozen=True)
class DataCapture:
    """What an endpoint captures of its traffic."""

    enabled: bool
    sampling_percentage: int
    destination_s3_uri: str
    kms_key_id: str | None
    modes: tuple[str, ...]
    json_content_types: tuple[str, ...] = ()
    csv_content_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class AsyncConfig:
    """Where an asynchronous endpoint puts its answers, how many requests an instance takes, and who hears of it."""

    output_s3_uri: str
    failure_s3_uri: str | None = None
    key_arn: str | None = None
    max_concurrent_invocations_per_instance: int | None = None
    success_topic_arn: str | None = None
    error_topic_arn: str | None = None


@dataclass(frozen=True)
class Network:
    """Where containers run."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True)
class EndpointConfig:
    """An endpoint config."""

    name: str
    arn: str
    variants: Mapping[str, VariantConfig]
    shadow_variants: Mapping[str, VariantConfig] = field(default_factory=dict)
    data_capture: DataCapture | None = None
    asynchronous: AsyncConfig | None = None
    kms_key_id: str | None = None
    created: str = ""


@dataclass(frozen=True)
class Model:
    """A model with its one container."""

    name: str
    arn: str
    image: str
    model_data_url: str
    environment: Mapping[str, str]
    execution_role_arn: str
    network: Network | None = None
    isolation: bool = False


@dataclass(frozen=True)
class ModelPackage:
    """A version in the model registry. `approval` is PendingManualApproval, Approved or Rejected."""

    arn: str
    group: str
    version: int
    approval: str
    description: str
    metadata: Mapping[str, str]
    image: str
    model_data_url: str
    comment: str = ""
