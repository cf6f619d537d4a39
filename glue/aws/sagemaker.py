"""SageMaker: what endpoints, configs and models are, as AWS describes them, and the model registry."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from glue.aws.describing import config_of, endpoint_of, model_of, package_of
from glue.aws.errors import Where, code_of, message_of, translated
from glue.core.described import Endpoint, EndpointConfig, Model, ModelPackage
from glue.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# What a metadata value of a model package may have
# (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html)
_METADATA_LIMIT = 256


class SageMaker:
    """SageMaker in one account."""

    def __init__(self, client: SageMakerClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    # endpoints

    def endpoint(self, name: str) -> Endpoint | None:
        """Return an endpoint by its full name, None when it does not exist."""
        answer = self._describe(f"endpoint {name}", self._client.describe_endpoint, EndpointName=name)
        return None if answer is None else endpoint_of(answer)

    def endpoint_names(self, prefix: str) -> tuple[str, ...]:
        """Return the names of the endpoints that begin with `prefix`, sorted."""
        # NameContains is a filter, not a prefix: it only makes the answer shorter.
        with translated(self._where, f"endpoints {prefix}*"):
            pages = self._client.get_paginator("list_endpoints").paginate(NameContains=prefix)
            names = [entry["EndpointName"] for page in pages for entry in page["Endpoints"]]
        return tuple(sorted(name for name in names if name.startswith(prefix)))

    def config(self, name: str) -> EndpointConfig | None:
        """Return an endpoint config, None when it does not exist."""
        answer = self._describe(
            f"endpoint config {name}", self._client.describe_endpoint_config, EndpointConfigName=name
        )
        return None if answer is None else config_of(answer)

    def config_names(self, prefix: str, *, until: str = "") -> tuple[str, ...]:
        """Return the names of the endpoint configs that begin with `prefix`, sorted; `until` leaves out later ones.

        It is a time in RFC 3339.
        """
        limit = datetime.fromisoformat(until) if until else datetime.max.replace(tzinfo=UTC)
        with translated(self._where, f"endpoint configs {prefix}*"):
            pages = self._client.get_paginator("list_endpoint_configs").paginate(NameContains=prefix)
            found = [entry for page in pages for entry in page["EndpointConfigs"] if entry["CreationTime"] <= limit]
        names = (entry["EndpointConfigName"] for entry in found)
        return tuple(sorted(name for name in names if name.startswith(prefix)))

    def model(self, name: str) -> Model | None:
        """Return a model, None when it does not exist."""
        answer = self._describe(f"model {name}", self._client.describe_model, ModelName=name)
        return None if answer is None else model_of(answer)

    def _describe(self, resource: str, call: Any, **arguments: str) -> dict[str, Any] | None:
        """Return the answer, None when AWS "could not find" it: SageMaker says so by ValidationException."""
        try:
            with translated(self._where, resource):
                answer: dict[str, Any] = call(**arguments)
        except NotFoundError:
            return None
        except AwsError as error:
            if is_absent(error):
                return None
            raise
        return answer

    def training_job(self, name: str) -> dict[str, Any] | None:
        """Return DescribeTrainingJob's answer, None when there is no such job."""
        return self._describe(f"training job {name}", self._client.describe_training_job, TrainingJobName=name)

    # model registry

    def find_package(self, group: str, release: str) -> ModelPackage | None:
        """Return the package that was registered for a release in a group, None when there is none.

        Raises NotFoundError when the group does not exist.
        """
        wanted = package_description(release)
        try:
            with translated(self._where, f"model package group {group}"):
                pages = self._client.get_paginator("list_model_packages").paginate(
                    ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
                )
                for page in pages:
                    for entry in page["ModelPackageSummaryList"]:
                        if entry.get("ModelPackageDescription") == wanted:
                            return self.package(entry["ModelPackageArn"])
        except AwsError as error:
            if is_absent(error):
                raise NotFoundError(
                    f"model package group {group} does not exist ({self._where})",
                    remedy="Add the model to environment.tfvars and apply foundation.",
                ) from error
            raise
        return None

    def package(self, arn: str) -> ModelPackage:
        """Return a model package by its ARN."""
        with translated(self._where, arn):
            return package_of(self._client.describe_model_package(ModelPackageName=arn))

    def create_package(
        self,
        group: str,
        *,
        release: str,
        image_uri: str,
        model_data_url: str,
        environment: Mapping[str, str],
        metadata: Mapping[str, str],
        content_types: Sequence[str] = ("application/json",),
        approved: bool = False,
    ) -> str:
        """Register a release in a group and return the package's ARN. `metadata` is its lineage, cut to 256 characters.

        Two calls for one release make one package: AWS takes the release as the idempotency token.
        """
        cut = {key: value[:_METADATA_LIMIT] for key, value in metadata.items() if value}
        with translated(self._where, f"model package group {group}"):
            answer = self._client.create_model_package(
                ModelPackageGroupName=group,
                ModelPackageDescription=package_description(release),
                ModelApprovalStatus="Approved" if approved else "PendingManualApproval",
                InferenceSpecification={
                    "Containers": [
                        {"Image": image_uri, "ModelDataUrl": model_data_url, "Environment": dict(environment)}
                    ],
                    "SupportedContentTypes": list(content_types),
                    "SupportedResponseMIMETypes": list(content_types),
                },
                CustomerMetadataProperties={**cut, "release": release},
                ClientToken=_token(group, release),
            )
        return answer["ModelPackageArn"]

    def set_approval(self, arn: str, *, approved: bool, comment: str) -> None:
        """Approve or reject a package, with who and why."""
        with translated(self._where, arn):
            self._client.update_model_package(
                ModelPackageArn=arn,
                ModelApprovalStatus="Approved" if approved else "Rejected",
                ApprovalDescription=comment[:1024],
            )


def package_description(release: str) -> str:
    """Return the description by which a release's package is found again."""
    return f"release {release}"


def is_absent(error: AwsError) -> bool:
    """Tell whether SageMaker said that something does not exist: it has no code of its own for that."""
    cause = error.__cause__
    if not isinstance(cause, boto.ClientError) or code_of(cause) not in {"ValidationException", "ValidationError"}:
        return False
    said = message_of(cause).lower()
    return any(words in said for words in ("could not find", "does not exist", "requested resource not found"))


def _token(group: str, release: str) -> str:
    """Return an idempotency token: AWS takes 36 letters, digits and hyphens, and a release id may be longer."""
    return hashlib.sha256(f"{group}/{release}".encode()).hexdigest()[:36]
