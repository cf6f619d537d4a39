"""The queue's settings, as Terraform hands them to every function in QUEUE_SETTINGS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from glue.core import names
from glue.core.strictjson import StrictObject, loads
from glue.errors import SlipwayError

VARIABLE = "QUEUE_SETTINGS"
LIMIT = 256 * 1024
_ACCOUNT = re.compile(r"^\d{12}$")
_REGION = re.compile(r"^[a-z]{2}(-[a-z]+)+-\d$")
_INSTANCE_TYPE = re.compile(r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")
_QUEUE = re.compile(r"^[a-z0-9](-?[a-z0-9])*$")


class SettingsError(SlipwayError):
    """QUEUE_SETTINGS is not what the functions understand (exit 1)."""


@dataclass(frozen=True)
class InstanceType:
    """How many instances of a type may run at once, on demand and on spot, and its price (None: unknown)."""

    budget: int
    spot_budget: int = 0
    usd_per_hour: float | None = None


@dataclass(frozen=True)
class Location:
    """A place in S3 that a model's jobs may read. The prefix ends with a slash, or is empty: the whole bucket."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class Network:
    """The subnets and security groups that a model's jobs run in."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """What the queue knows of a model: its declared inputs beside the artifact store, and its network (None: any)."""

    inputs: tuple[Location, ...] = ()
    network: Network | None = None


@dataclass(frozen=True)
class Settings:
    """One queue: an environment has one at most. Names derive from project and environment."""

    queue: str
    project: str
    environment: str
    account_id: str
    region: str
    table: str
    bucket: str
    topic_arn: str
    releases_queue_url: str
    instance_types: Mapping[str, InstanceType]
    models: Mapping[str, Model]
    artifact_key_arn: str | None = None
    history_days: int = 400
    launches_per_second: float = 2.0

    def role_arn(self, model: str) -> str:
        """Return the ARN of a model's execution role, which its jobs run as."""
        return names.role_arn(self.account_id, self.project, self.environment, f"{model}-execution")

    def repository(self, model: str) -> str:
        """Return a model's image repository: registry and name, without tag or digest."""
        registry = f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com"
        return f"{registry}/{names.repository_name(self.project, model)}"

    def job_location(self, job: str, folder: str) -> str:
        """Return the S3 URI of one of a job's folders, without a trailing slash: `output` or `checkpoints`."""
        return f"s3://{self.bucket}/training/{job}/{folder}"

    def budget(self, instance_type: str, *, spot: bool) -> int:
        """Return how many instances of a type may run at once; 0 for a type that the queue does not know."""
        entry = self.instance_types.get(instance_type)
        if entry is None:
            return 0
        return entry.spot_budget if spot else entry.budget


def parse(text: str) -> Settings:
    """Return the settings that a JSON text holds. Raises SettingsError saying what is wrong with it."""
    try:
        value = loads(text.encode(), limit=LIMIT)
        if not isinstance(value, dict):
            raise ValueError("it is not an object")
        return _settings(StrictObject(value, "the settings"))
    except ValueError as error:
        raise SettingsError(
            f"{VARIABLE} is not usable: {error}",
            remedy="Terraform writes it (modules/training-queue): apply the foundation with the function's code.",
        ) from error


def _settings(read: StrictObject) -> Settings:
    settings = Settings(
        queue=read.text("queue", _QUEUE),
        project=read.text("project", _QUEUE),
        environment=read.text("environment", _QUEUE),
        account_id=read.text("account_id", _ACCOUNT),
        region=read.text("region", _REGION),
        table=_filled(read, "table"),
        bucket=_filled(read, "bucket"),
        topic_arn=_filled(read, "topic_arn"),
        releases_queue_url=_filled(read, "releases_queue_url"),
        instance_types={name: _instance_type(name, entry) for name, entry in _objects(read, "instance_types")},
        models={name: _model(name, entry) for name, entry in _objects(read, "models")},
        artifact_key_arn=read.optional_text("artifact_key_arn"),
        history_days=_count(read, "history_days", 400, least=1),
        launches_per_second=_positive(read, "launches_per_second", 2.0),
    )
    read.close()
    return settings


def _filled(read: StrictObject, name: str) -> str:
    text = read.text(name)
    if not text:
        raise ValueError(f"{name} is empty")
    return text


def _objects(read: StrictObject, name: str) -> list[tuple[str, StrictObject]]:
    inner = read.nested(name)
    return [(key, inner.nested(key)) for key in inner.keys()]  # noqa: SIM118 - not a mapping


def _count(read: StrictObject, name: str, default: int, *, least: int) -> int:
    """Terraform's jsonencode writes whole numbers without a point."""
    number = read.integer(name) if read.has(name) else default
    if number < least:
        raise ValueError(f"{name} is {number}; give {least} or more")
    return number


def _positive(read: StrictObject, name: str, default: float) -> float:
    number = read.number(name) if read.has(name) else default
    if number <= 0:
        raise ValueError(f"{name} is {number:g}; give more than 0")
    return float(number)


def _instance_type(name: str, read: StrictObject) -> InstanceType:
    if not _INSTANCE_TYPE.match(name):
        raise ValueError(f"{name!r} is no instance type: they look like ml.m5.large")
    price = None
    if read.has("usd_per_hour") and read.value("usd_per_hour") is not None:
        price = _positive(read, "usd_per_hour", 0)
    entry = InstanceType(
        budget=_count(read, "budget", -1, least=0),
        spot_budget=_count(read, "spot_budget", 0, least=0),
        usd_per_hour=price,
    )
    read.close()
    return entry


def _model(name: str, read: StrictObject) -> Model:
    if not names.MODEL_NAME.match(name):
        raise ValueError(f"{name!r} is not the name of a model")
    network = None
    if read.has("network") and read.value("network") is not None:
        inner = read.nested("network")
        network = Network(inner.text_list("subnet_ids"), inner.text_list("security_group_ids"))
        inner.close()
    inputs = read.value("inputs") if read.has("inputs") else []
    if not isinstance(inputs, list):
        raise ValueError(f"models.{name}: inputs is not a list")
    model = Model(tuple(_location(f"models.{name}.inputs[{at}]", entry) for at, entry in enumerate(inputs)), network)
    read.close()
    return model


def _location(what: str, entry: object) -> Location:
    if not isinstance(entry, dict):
        raise ValueError(f"{what} is not an object")
    read = StrictObject(entry, what)
    prefix = read.text("prefix")
    place = Location(_filled(read, "bucket"), prefix if not prefix or prefix.endswith("/") else f"{prefix}/")
    read.close()
    return place
