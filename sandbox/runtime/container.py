"""What a model consists of, fetched and unpacked: its image, its archive, its role."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.runtime import archive, programs, roles
from sandbox.runtime.context import Context


class StartError(Exception):
    """The variant cannot be started. The message is SageMaker's FailureReason."""


@dataclass(frozen=True)
class Container:
    """One container of a model, as CreateModel described it, in the account that owns it."""

    account_id: str
    region: str
    endpoint: str
    variant: str
    role_arn: str
    image: str
    model_data: Mapping[str, Any] | None  # {"Uri": ..., "ETag": ...}
    environment: Mapping[str, str] = field(default_factory=dict)
    startup_timeout: float = 480.0  # AWS seconds

    @property
    def endpoint_arn(self) -> str:
        """The endpoint that the container serves."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:endpoint/{self.endpoint.lower()}"


@dataclass(frozen=True)
class Fetched:
    """A container that can be started."""

    image: programs.Image
    argv: list[str]
    model_dir: Path
    role: Mapping[str, str]


def describe(
    model: Mapping[str, Any], variant: Mapping[str, Any], *, account_id: str, region: str, endpoint: str
) -> Container:
    """Return the container of a variant, from the CreateModel request and the production variant.

    Raises StartError for what the sandbox cannot run.
    """
    containers = [model["PrimaryContainer"]] if model.get("PrimaryContainer") else list(model.get("Containers") or [])
    if len(containers) != 1 or not containers[0].get("Image"):
        raise StartError("The sandbox runs models with exactly one container and an image.")
    one = containers[0]
    return Container(
        account_id=account_id,
        region=region,
        endpoint=endpoint,
        variant=variant["VariantName"],
        role_arn=model.get("ExecutionRoleArn", ""),
        image=one["Image"],
        model_data=_model_data(one),
        environment=one.get("Environment") or {},
        startup_timeout=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or 480),
    )


def fetch(context: Context, container: Container, folder: Path) -> Fetched:
    """Check the role, pull the image, download and unpack the archive below `folder`.

    Raises StartError with the reason that SageMaker gives. The archive is read with the execution role's credentials:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html#sagemaker-Type-ContainerDefinition-ModelDataUrl
    """
    try:
        roles.check_trust(container.role_arn, "sagemaker.amazonaws.com", source_arn=container.endpoint_arn)
        image = programs.pull(context, account_id=container.account_id, region=container.region, uri=container.image)
        roles.check_pull(container.role_arn, container.image)
        argv = programs.command(context, image, "serve")
    except (roles.RoleError, programs.ImageError) as error:
        raise StartError(str(error)) from error
    role = roles.credentials(context, role_arn=container.role_arn, region=container.region, session="SageMaker")
    model_dir = folder / "model"
    model_dir.mkdir(parents=True)
    if container.model_data:
        _download(context, container, role, model_dir)
    return Fetched(image, argv, model_dir, role)


def _model_data(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if container.get("ModelDataUrl"):
        return {"Uri": container["ModelDataUrl"], "ETag": None, "Type": "Gzip"}
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if not source:
        return None
    gzip = source.get("CompressionType") == "Gzip"
    return {"Uri": source["S3Uri"], "ETag": source.get("ETag"), "Type": "Gzip" if gzip else "Prefix"}


def _download(context: Context, container: Container, role: Mapping[str, str], model_dir: Path) -> None:
    data = container.model_data or {}
    bucket, _, key = str(data["Uri"]).removeprefix("s3://").partition("/")
    s3 = roles.client(context, "s3", role, actor="sagemaker")
    try:
        if data["Type"] == "Prefix":
            download_prefix(s3, bucket, key, model_dir)
            return
        with tempfile.TemporaryFile(dir=model_dir.parent) as file:
            s3.download_fileobj(bucket, key, file)
            file.seek(0)
            archive.unpack(file, model_dir)
    except (ClientError, BotoCoreError) as error:
        raise StartError(
            f'Failed to download model data for container "container_1" from URL: "{data["Uri"]}". Please ensure '
            "that there is an object located at the URL and that the role passed to CreateModel has permissions to "
            "download the model."
        ) from error
    except archive.ArchiveError as error:
        raise StartError(
            f'Failed to extract model data archive for container "container_1" from URL "{data["Uri"]}": {error}. '
            "Please ensure that the object located at the URL is a valid tar.gz archive."
        ) from error
    finally:
        s3.close()


def download_prefix(s3: Any, bucket: str, prefix: str, target: Path) -> int:
    """Download every object below an S3 prefix, or the one object with that very key, and return their number.

    Keys that would leave the folder are refused with StartError.
    """
    count = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            name = name_below(entry["Key"], prefix)
            if name is None:
                continue
            file = (target / name).resolve()
            if not file.is_relative_to(target.resolve()):
                raise StartError(f"The key {entry['Key']} leads out of the folder.")
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, entry["Key"], str(file))
            count += 1
    return count


def name_below(key: str, prefix: str) -> str | None:
    """Where an object lands: S3 prefixes are cut at their last slash, as S3Prefix channels are; folders are nothing."""
    name = key[prefix.rfind("/") + 1 :] if not prefix.endswith("/") else key[len(prefix) :]
    if key.endswith("/"):
        return None
    if not prefix.endswith("/") and key.startswith(prefix + "/"):
        name = key[len(prefix) + 1 :]
    return name or None
