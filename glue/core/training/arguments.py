"""What the arguments of a job may not say, beyond AWS's own rules: other accounts, other places, spot by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glue.core.training.document import join, shown
from glue.core.training.settings import Settings
from glue.core.training.words import Kind

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")
_S3 = re.compile(r"s3[an]?://(?P<bucket>[^/\s\"'\\,;]*)/?(?P<key>[^\s\"'\\,;]*)", re.IGNORECASE)
_ARN = re.compile(r"^arn:[^:]*:[^:]*:(?P<region>[^:]*):(?P<account>[^:]*):")
_LOCATIONS = ("S3Uri", "S3OutputPath", "OutputS3Uri")  # members that must be S3 locations
LONGEST_SECONDS = 28 * 86_400
_OUTPUTS = ("S3OutputPath", "OutputS3Uri")
_IMAGES = ("TrainingImage", "ImageUri")
# Free text: a program's own words. Looked through for S3 locations only.
_FREE = (
    "HyperParameters",
    "StaticHyperParameters",
    "Environment",
    "ContainerEntrypoint",
    "ContainerArguments",
    "MetricDefinitions",
    "HookParameters",
    "ProfilingParameters",
)
# Members that the queue sets, or that go round its budgets, its images or its bookkeeping.
_REFUSED = {
    "TrainingJobName": "the queue names attempts <id>-<attempt>: leave it out, and give `id`",
    "HyperParameterTuningJobName": "the queue names attempts <id>-<attempt>: leave it out, and give `id`",
    "ProcessingJobName": "the queue names attempts <id>-<attempt>: leave it out, and give `id`",
    "Tags": "the queue sets the tags: leave it out",
    "EnableManagedSpotTraining": "the queue buys spot: leave it out, and give `spot`",
    "MaxWaitTimeInSeconds": "leave it out, and give `spot.max_wait_minutes`",
    "AlgorithmName": "jobs run the model's own image: leave it out, and give the image by digest",
    "TrainingImageConfig": "images come from the model's own repository: leave it out",
    "InstanceGroups": "budgets count one instance type: leave it out, and give InstanceType and InstanceCount",
    "InstancePreferences": "leave it out, and give the fallbacks in `instance_types`",
    "SelectedInstanceType": "leave it out, and give the fallbacks in `instance_types`",
    "SelectedInstanceCount": "leave it out, and give InstanceCount",
    "HyperParameterTuningResourceConfig": "budgets count one instance type: leave it out, and give ResourceConfig",
    "WarmStartConfig": "the queue's tunings have no parents: leave it out",
    "TrainingPlanArn": "training plans are no part of the queue's budgets: leave it out",
    "KeepAlivePeriodInSeconds": "an idle instance would be outside the queue's budgets: leave it out",
    "ServerlessJobConfig": "serverless jobs have no instances to count: leave it out",
    "SessionChainingConfig": "leave it out: the queue's roles do not chain sessions",
    "ModelPackageConfig": "a completed job is registered by `release`: leave it out",
    "DebugRuleConfigurations": "rules run as jobs of their own, outside the queue: leave it out",
    "ProfilerRuleConfigurations": "rules run as jobs of their own, outside the queue: leave it out",
    "FileSystemDataSource": "jobs read S3: give an S3DataSource",
    "DatasetSource": "jobs read S3: give an S3DataSource",
    "HubAccessConfig": "jobs read S3: leave it out",
    "ModelAccessConfig": "jobs read S3: leave it out",
    "DatasetDefinition": "jobs read S3: give an S3Input",
    "FeatureStoreOutput": "jobs write to S3: give an S3Output",
}


@dataclass(frozen=True)
class Resources:
    """The instances that a job's arguments ask for; None where they do not say."""

    instance_type: str | None
    instance_count: int


def resources(kind: Kind, arguments: Mapping[str, Any]) -> Resources:
    """Return what an attempt occupies at once: a tuning its parallel trainings, all of their instances."""
    if kind is Kind.PROCESSING:
        return _resources(_inner(_inner(arguments, "ProcessingResources"), "ClusterConfig"))
    if kind is Kind.TRAINING:
        return _resources(_inner(arguments, "ResourceConfig"))
    limits = _inner(_inner(arguments, "HyperParameterTuningJobConfig"), "ResourceLimits")
    parallel = _count(limits.get("MaxParallelTrainingJobs"))
    each = [_resources(_inner(entry, "ResourceConfig")) for entry in definitions(arguments)]
    if not each:
        return Resources(None, parallel)
    types = {entry.instance_type for entry in each}
    return Resources(each[0].instance_type if len(types) == 1 else None, parallel * max(e.instance_count for e in each))


def definitions(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the training job definitions of a tuning's arguments."""
    several = params.get("TrainingJobDefinitions")
    if isinstance(several, list):
        return [entry for entry in several if isinstance(entry, dict)]
    one = params.get("TrainingJobDefinition")
    return [one] if isinstance(one, dict) else []


def max_runtime(kind: Kind, arguments: Mapping[str, Any]) -> int | None:
    """Return the longest run that the arguments allow, in seconds, or None when they do not say."""
    holders = definitions(arguments) if kind is Kind.TUNING else [arguments]
    found = [_inner(holder, "StoppingCondition").get("MaxRuntimeInSeconds") for holder in holders]
    return max((value for value in found if isinstance(value, int) and not isinstance(value, bool)), default=None)


def problems(kind: Kind, model: str, arguments: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Yield what is wrong with a job's arguments. `model` is one of the settings'."""
    judge = _Judge(model, settings)
    yield from judge.tree(arguments, "arguments", free=False)
    yield from _images(kind, arguments)
    yield from _sizes(kind, arguments)
    yield from _networks(kind, model, arguments, settings)


def checkpoint_problems(arguments: Mapping[str, Any], kind: Kind) -> Iterator[str]:
    """Yield what spot forbids: the queue places checkpoints, so that a later attempt goes on from them."""
    holders = definitions(arguments) if kind is Kind.TUNING else [arguments]
    if any("CheckpointConfig" in holder for holder in holders):
        yield "arguments.CheckpointConfig: with spot the queue sets it (training/<id>/checkpoints): leave it out"


class _Judge:
    """Looks at every member and every string, however deep."""

    def __init__(self, model: str, settings: Settings) -> None:
        self._settings = settings
        self._model = model
        prefixes = ("training/", "datasets/", f"releases/{model}/")
        self._readable = [(settings.bucket, prefix) for prefix in prefixes]
        self._readable += [(place.bucket, place.prefix) for place in settings.models[model].inputs]
        self._writable = [(settings.bucket, prefix) for prefix in ("training/", "datasets/")]

    def tree(self, value: object, path: str, *, free: bool, member: str = "") -> Iterator[str]:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                where = join(path, str(name))
                if not free and name in _REFUSED:
                    yield f"{where}: {_REFUSED[str(name)]}"
                else:
                    yield from self.tree(inner, where, free=free or name in _FREE, member=str(name))
        elif isinstance(value, list):
            for at, inner in enumerate(value):
                yield from self.tree(inner, f"{path}[{at}]", free=free, member=member)
        elif isinstance(value, str):
            yield from self._text(value, path, member=member, free=free)

    def _text(self, value: str, path: str, *, member: str, free: bool) -> Iterator[str]:
        if not free and member in _LOCATIONS and not value.startswith("s3://"):
            yield f"{path}: is {shown(value)}; give an S3 location: s3://{self._settings.bucket}/datasets/..."
            return
        written = not free and (member in _OUTPUTS or ".CheckpointConfig." in path or ".S3Output." in path)
        for found in _S3.finditer(value):
            yield from self._location(found, path, written=written)
        if free:
            return
        if member == "RoleArn":
            yield from self._role(value, path)
        elif member in _IMAGES:
            yield from self._image(value, path)
        elif (arn := _ARN.match(value)) is not None:
            yield from self._arn(arn, path, member)

    def _location(self, found: re.Match[str], path: str, *, written: bool) -> Iterator[str]:
        bucket, key = found["bucket"], found["key"]
        allowed = self._writable if written else self._readable
        if ".." not in key.split("/") and any(bucket == where and key.startswith(prefix) for where, prefix in allowed):
            return
        places = ", ".join(f"s3://{where}/{prefix}" for where, prefix in allowed)
        verb = "write to" if written else "read"
        yield f"{path}: {shown(found[0])} is not a place that jobs of {self._model} may {verb}; give one below {places}"

    def _role(self, value: str, path: str) -> Iterator[str]:
        if value != (wanted := self._settings.role_arn(self._model)):
            yield f"{path}: is {shown(value)}; jobs of {self._model} run as {wanted}: leave it out"

    def _image(self, value: str, path: str) -> Iterator[str]:
        repository = self._settings.repository(self._model)
        name, rest = value[: len(repository)], value[len(repository) :]
        if name != repository or (rest and rest[0] not in ":@"):
            yield f"{path}: {shown(value)} is not in the model's own repository; give {repository}@sha256:<digest>"
        elif not _DIGEST.fullmatch(rest):
            yield f"{path}: {shown(value)} is no image by digest; a tag may move: give {repository}@sha256:<digest>"

    def _arn(self, arn: re.Match[str], path: str, member: str) -> Iterator[str]:
        """KMS keys, Lambda functions, hubs, experiments: nothing of another account."""
        account, region = arn["account"], arn["region"]
        if account not in ("", "aws", self._settings.account_id):
            yield f"{path}: names account {account}; jobs use what is in {self._settings.account_id} only"
        elif member.endswith("KmsKeyId") and region != self._settings.region:
            yield f"{path}: names a key in {region or 'no region'}; give one in {self._settings.region}"


def _images(kind: Kind, arguments: Mapping[str, Any]) -> Iterator[str]:
    """An image must be there: AWS would take an AlgorithmName, which the queue refuses."""
    if kind is Kind.PROCESSING:
        return  # AppSpecification.ImageUri is required by AWS
    holders = definitions(arguments) if kind is Kind.TUNING else [arguments]
    for holder in holders:
        if not _inner(holder, "AlgorithmSpecification").get("TrainingImage"):
            yield "arguments.AlgorithmSpecification.TrainingImage: is missing; give the model's image by digest"


def _sizes(kind: Kind, arguments: Mapping[str, Any]) -> Iterator[str]:
    """AWS's model of the request takes no instances, for jobs of groups, and any time; the service does not.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html,
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
    """
    if kind is Kind.PROCESSING:
        return  # there both are in AWS's model
    for holder in definitions(arguments) if kind is Kind.TUNING else [arguments]:
        config = holder.get("ResourceConfig")
        if isinstance(config, Mapping) and config.get("InstanceCount") in (None, 0):
            yield f"arguments.ResourceConfig.InstanceCount: is {shown(config.get('InstanceCount'))}; give 1 or more"
    longest = max_runtime(kind, arguments)
    if longest is not None and longest > LONGEST_SECONDS:
        yield (
            f"arguments.StoppingCondition.MaxRuntimeInSeconds: is {longest}; "
            f"give {LONGEST_SECONDS} or less: 28 days are the most"
        )


def _networks(kind: Kind, model: str, arguments: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    network = settings.models[model].network
    if network is None:
        return
    holders: list[tuple[str, Mapping[str, Any]]] = [("arguments", arguments)]
    if kind is Kind.TUNING:
        holders = [("arguments.TrainingJobDefinition", entry) for entry in definitions(arguments)]
    elif kind is Kind.PROCESSING:
        holders = [("arguments.NetworkConfig", _inner(arguments, "NetworkConfig"))]
    for path, holder in holders:
        config = _inner(holder, "VpcConfig")
        for member, allowed in (("Subnets", network.subnet_ids), ("SecurityGroupIds", network.security_group_ids)):
            asked = config.get(member)
            if isinstance(asked, list) and (strange := [entry for entry in asked if entry not in allowed]):
                yield (
                    f"{path}.VpcConfig.{member}: {shown(strange[0])} is outside the model's network; "
                    f"give {', '.join(allowed)}, or leave VpcConfig out"
                )


def _resources(found: Mapping[str, Any]) -> Resources:
    instance_type = found.get("InstanceType")
    return Resources(instance_type if isinstance(instance_type, str) else None, _count(found.get("InstanceCount")))


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 1


def _inner(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = found.get(name)
    return inner if isinstance(inner, Mapping) else {}
